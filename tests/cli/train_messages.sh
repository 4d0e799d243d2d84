# What `cusgd train` says: off a terminal one plain line an epoch, all of it on standard error; nothing with --quiet.
messages 'cusgd train data.csv --model m --epochs 3 --optimizer momentum --batch 10'
try 'cusgd train data.csv --model m --quiet'
try 'cusgd train text.csv --loss logistic --model m -q --epochs 2'
try 'cusgd train missing.csv --model m --quiet'

# Of many epochs, those of round numbers.
messages 'cusgd train data.csv --model m --epochs 234 --tolerance 0 --optimizer momentum 2>&1 | cut -d" " -f1-2 | grep epoch'

try 'cusgd train data.csv --model m --solver newton 2>&1 | grep -o "^iteration 1/\|^[0-9]* iteration"'
messages 'cusgd train text.csv --model m --loss logistic --epochs 2 --tolerance 1e-12'
try 'cusgd train data.csv --model m --tolerance 0.5 --patience 2 2>&1 | grep -o "no relative .*;"'
try 'cusgd train data.csv --model m --gradient-tolerance 0.5 2>&1 | grep -o "the gradient is .*, within .*;" | sed "s/is .* of/is N of/"'

# Two classes under a loss of numbers are noted, unless they may be counts.
sed 's/yes$/1/; s/no$/0/' text.csv >ones.csv
notes 'cusgd train text.csv --model m --epochs 1'
notes 'cusgd train ones.csv --model m --epochs 1'
notes 'cusgd train ones.csv --model m --epochs 1 --loss poisson'
notes 'cusgd train ones.csv --model m --epochs 1 --loss logistic --l2 0.01'

# Options that change nothing together with the others are named.
notes 'cusgd train data.csv --model m --optimizer sgd --momentum 0.5 --beta1 0.5 --t0 3 --epochs 1'
notes 'cusgd train data.csv --model m --optimizer adam --beta1 0.5 --schedule time-decay --t0 3 --rate 1 --epochs 1'
notes 'cusgd train data.csv --model m --math tf32 --device cpu --epochs 1'
notes 'cusgd train data.csv --model m --engine fused --device cpu --epochs 1'
notes 'cusgd train data.csv --model m --math exact --engine auto --epochs 1'

# A penalty that leaves nothing, and targets that are all the same, whichever solver ran.
awk -v OFS=, 'BEGIN { print "a,y"; for (i = 0; i < 50; i++) print i % 7, 0.1 }' >k.csv
for solver in sgd lbfgs; do
    notes "cusgd train data.csv --l1 1e6 --solver $solver --model m"
    notes "cusgd train k.csv --solver $solver --model m"
done
notes 'cusgd train data.csv --l1 1e-6 --model m'

# Other words for the same options; options that say the opposite of each other.
try 'cusgd train data.csv --model m --lr 0.125 --batch-size 7 --no-average --standardize --intercept -q && cusgd info m | grep "rate =\|batch =\|average ="'
try 'cusgd train data.csv --model m --no-average --average-from 3'
try 'cusgd train data.csv --schedule optimal --model m'

# Progress that nobody reads does not cost the model.
try '{ cusgd train data.csv --model long --epochs 20000; echo $? >code; } 2>&1 | head -n 1 | grep -o "60 rows"; cat code'
try 'cusgd info long | grep "epochs ="'
