# Validation data are read as the training data are: columns by name, classes by the numbers that they have there.
awk -F, -v OFS=, '{ print $3, $2, $1, $4 }' data.csv | head -n 30 >valid.csv
cut -d, -f1,2,4 data.csv >less.csv
messages 'cusgd train data.csv --valid valid.csv --model m --history h --epochs 3'
try 'cusgd train data.csv --valid less.csv --model n'
try 'cusgd train data.csv --valid missing.csv --model n'
try 'cusgd train data.csv --valid valid.csv --valid-fraction 0.2 --model n'
messages 'cusgd train data.csv --valid-fraction 0.25 --model m --epochs 2'
try 'cusgd train data.csv --valid-fraction 0.02 --model m --epochs 2 2>&1 | grep "^validation: loss [0-9.e-]*$" | cut -c 1-16' # one row has no R2
try 'cusgd train data.csv --valid-fraction 0.001 --model n'

awk -F, -v OFS=, '{ print $4, $3, $2, $1 }' text.csv >mixed.csv
{ echo a,b,c,y && tac text.csv | sed '$d'; } >turned.csv
for valid in text mixed turned; do
    try "cusgd train text.csv --loss logistic --valid $valid.csv --model $valid 2>&1 | grep -o 'validation: loss .....'"
done
cmp text mixed
sed '/no$/d' text.csv >one.csv # one of the classes will do, a third will not
sed 's/no$/No/' text.csv >other.csv
try 'cusgd train text.csv --loss logistic --valid one.csv --model one -q'
try 'cusgd train text.csv --loss logistic --valid other.csv --model n -q'
ls

# Starting from a model takes its columns, unless the line says otherwise; its shape has to fit.
cusgd train data.csv --model a --precision double -q
cusgd train data.csv --init a --model b --optimizer sgd --rate 1e-12 --epochs 1 --precision double -q
coefficients a
coefficients b
cusgd train data.csv --model a --init a -q # in its own place
try 'cusgd train data.csv --ignore c --model d --init a -q'
try 'cusgd train less.csv --header yes --features 1,2 --init a --model d'
try 'cusgd train data.csv --init missing --model d'
cusgd train data.csv --target a --features y,b --model t -q
try 'cusgd train data.csv --init t --model u -q && cusgd info u | grep "^features\|^outputs"'
