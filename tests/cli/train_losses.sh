# Each loss on targets that it takes: trained, evaluated, predicted, read again.
awk -F, -v OFS=, 'NR > 1 { $4 = $4 * $4 + 0.5 } { print }' data.csv >positive.csv
awk -F, -v OFS=, 'NR > 1 { $4 = $4 > 0 ? 1 : -1 } { print }' data.csv >signs.csv
sed '$s/-\{0,1\}1$/0/' signs.csv >mixed.csv # -1, 0 and 1
sed 's/,-1$/,0/' signs.csv >zeros.csv

for loss in huber epsilon-insensitive squared-epsilon-insensitive log-cosh quantile; do
    try "cusgd train data.csv --loss $loss --epochs 30 --model m -q"
    score m data.csv
done
for loss in poisson gamma tweedie; do
    try "cusgd train positive.csv --loss $loss --epochs 30 --model m -q"
    score m positive.csv
    # The mean is the exponential of the link.
    cusgd predict m positive.csv -o mean.csv && cusgd predict m positive.csv -o link.csv --as link
    paste -d, mean.csv link.csv | awk -F, 'NR > 1 && !($1 / exp($2) - 1 < 1e-9 && exp($2) / $1 - 1 < 1e-9) { exit 1 }'
done
for loss in logistic hinge squared-hinge modified-huber perceptron; do
    try "cusgd train signs.csv --loss $loss --epochs 30 --model m -q"
    score m signs.csv
done

# Labels -1 and 1 are trained as 0 and 1: the numbers are the same, and predictions are -1 and 1 again.
for loss in logistic hinge squared-hinge; do
    cusgd train signs.csv --loss $loss --epochs 5 --model a -q
    cusgd train zeros.csv --loss $loss --epochs 5 --model b -q
    for as in mean link; do
        cusgd predict a signs.csv --as $as -o p.csv && cusgd predict b signs.csv --as $as -o q.csv && cmp p.csv q.csv
    done
    try 'cusgd predict a signs.csv --as class -o - | sort -u'
done
try 'cusgd evaluate a signs.csv | grep CLASS'
try 'cusgd train mixed.csv --loss hinge --model m -q && cusgd info m | grep classes'

# Targets and words that do not fit the loss.
try 'cusgd train data.csv --loss gamma --model m'
try 'cusgd train data.csv --loss poisson --model m'
try 'cusgd predict a signs.csv -o - --as probability'

# A quantile of .875 has about that share of the targets below it.
cusgd train data.csv --loss quantile --quantile 0.875 --epochs 300 -q --model m
cusgd predict m data.csv -o p.csv
paste -d, data.csv p.csv | awk -F, 'NR > 1 { n++; below += $4 < $5 } END { exit !(below / n > 0.78 && below / n < 0.96) }'
try 'cusgd info m | grep "quantile ="'
