# A model that cannot be written, or that would replace an input, is refused before training; nothing is left in the folder.
mkdir folder
ln -s data.csv link.csv
cp data.csv data.bak
cp text.csv text.bak
: >m
for wrong in '' "--model ''" '--model -' '--model missing/m' '--model folder' '--model folder/' '--model /proc/m' '--model /dev/null' \
    '--model data.csv' '--model link.csv' '--valid text.csv --model text.csv' '--model m --history data.csv' '--model m --history ./m' \
    '--model m --history m' '--model m --history missing/h' '--model m --history folder' '--model m --history h --checkpoint h'; do
    try "cusgd train data.csv $wrong"
done
cmp data.csv data.bak && cmp text.csv text.bak
test -L link.csv && test ! -s m && test -c /dev/null
ls -A folder
cusgd generate made --rows 9 --cols 2
try 'cusgd train made --model made/x.npy'
try 'cusgd train made --model m --history made/y.npy'
cusgd info made >/dev/null

# Equal runs give equal files, whatever the threads.
cusgd train data.csv --model a --threads 1 -q
cusgd train data.csv --model b --threads 2 -q && cmp a b
cusgd train data.csv --model c --seed 1 -q
try 'cmp -s a c'
cusgd train data.csv --model b -q --rate auto --batch auto --tolerance auto --patience auto --average-from auto --threads auto
cmp a b

# Full disks: a history that cannot be written is said at once, and the model is written all the same; an older model stays.
messages 'cusgd train data.csv --model m --epochs 4 --history /dev/full'
cusgd info m >/dev/null
cusgd generate wide --rows 50 --cols 2000
cusgd train wide --model m -q --epochs 1 && cp m before
try '(trap "" XFSZ; ulimit -f 4; exec cusgd train wide --seed 1 --model m -q --epochs 1)'
cmp m before
ls -A | grep tmp || true
