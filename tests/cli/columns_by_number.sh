# Tables without a header: their columns are known by number, in the model too.
tail -n +2 data.csv >bare.csv
awk -F, -v OFS=, '{ print $4, $1, $2, $3 }' bare.csv >first.csv # the target first
cut -d, -f2- first.csv >x.csv
paste -d, first.csv first.csv >wide.csv

try 'cusgd train first.csv --target 1 --model m -q'
try 'cusgd train bare.csv --features 3,1,2 --model s -q'
try 'cusgd train first.csv --target 1 --ignore 2 --model i -q'
try 'cusgd info first.csv --target 1'
try 'cusgd info m | grep "^features\|^outputs"'
try 'cusgd info i | grep "^features\|^outputs"'

# Evaluating: the columns are those of the model unless the line says otherwise.
score m first.csv
score m first.csv --target 1
score m first.csv --features 2,3,4
score m bare.csv --target 4
score s bare.csv
score s - <bare.csv
try 'cusgd evaluate m x.csv'

# Predicting: on the file itself, without its target; refused where it cannot be known which columns are meant.
cusgd predict m first.csv -o a.csv
cusgd predict m x.csv -o b.csv && cmp a.csv b.csv
cusgd predict m first.csv --ignore 1 -o b.csv && cmp a.csv b.csv
try 'cusgd predict m wide.csv -o c.csv'

# Validating and starting from a model.
try 'cusgd train first.csv --target 1 --valid first.csv --solver exact --model m 2>&1 | grep -o "validation: .*R2 0.99"'
cusgd train bare.csv --features 3,1,2 --model s -q --solver exact --valid bare.csv
cusgd train bare.csv --init s --epochs 1 --rate 1e-9 --optimizer sgd --model t -q
try 'cusgd info t | grep ^features'
score t bare.csv
try 'cusgd train first.csv --target 1 --valid x.csv --model n -q'

# A divergence names the columns of the file.
awk -F, -v OFS=, '{ $3 *= 1e6; print }' first.csv >far.csv
notes 'cusgd train far.csv --target 1 --model m --optimizer sgd --rate 1e10 --no-standardize --batch 1'

# A model with names, on a file that is said to have none: the columns are where they were.
cusgd train data.csv --target a --solver exact --model m -q
score m data.csv
score m bare.csv --header no
try 'cusgd evaluate m bare.csv'

# A model of arrays knows no columns: the last one is named as what it may be.
cusgd generate made --rows 100 --cols 3
cusgd train made --model m -q
try 'cusgd predict m data.csv -o p.csv'
try 'cusgd predict m data.csv --ignore -1 -o p.csv'
