# Which columns of a table are features, targets and weights, and what `cusgd train` refuses.
shape() { try "cusgd train $1 --model m -q && cusgd info m | grep '^features\|^outputs'"; }
shape 'data.csv --target a'
shape 'data.csv --target -1 --target 1'
shape 'data.csv --features c,a'
shape 'data.csv --ignore a --ignore b'
sed 's/-//g' data.csv >w.csv
shape 'w.csv --weights c'
tail -n +2 data.csv >bare.csv
shape 'bare.csv --header no'
try 'cusgd train bare.csv --model m --header yes 2>&1 | grep -o "59 rows"'

rm m
for wrong in '--target z' '--target 5' '--target 0' '--features a,z' '--features ""' '--features a --target a' '--ignore z' \
    '--weights z' '--ignore a,b,c' '--header no'; do
    try "cusgd train data.csv --model m $wrong"
done
cusgd generate made --rows 20 --cols 2
try 'cusgd train made --model m --target 2'

printf 'a,b\n1,2\nx,3\n' >letters.csv
printf 'a,b\n1,2\nnan,3\n' >nan.csv
printf 'a,b\n1,2\n1,2,3\n' >ragged.csv
for wrong in missing.csv letters.csv nan.csv ragged.csv /dev/null 'data.csv --loss logistic'; do
    try "cusgd train $wrong --model m"
done
ls

# Standard input is read as a file is.
cusgd train - --model a -q <data.csv
cusgd train data.csv --model b -q && cmp a b
try 'cat data.csv | cusgd train - --model b 2>&1 | grep -o "standard input: 60 rows"'
cmp a b
