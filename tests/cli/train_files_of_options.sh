# Options that name a file with numbers for each column.

# Columns in other units: the same model without a penalty, another one with it.
printf '0 1\n0 1\n0 1\n' >u
printf '3,0.01\n-2\t1e6\n0 1\n' >v
for scales in u v; do
    cusgd train data.csv --solver exact --precision double --column-scales $scales -q --model m
    coefficients m
done
for scales in u v; do
    cusgd train data.csv --solver exact --precision double --l2 1 --column-scales $scales -q --model m
    coefficients m
done
cusgd train data.csv --solver exact --precision double --l2 1 --no-standardize -q --model m # as u
coefficients m
wrong() { printf "$1" >f && try "cusgd train data.csv --column-scales f --model n"; }
wrong '1 2\n2 2\n'
wrong '1 2\n2\n1 1\n'
wrong '1 2\nnan 1\n1 1\n'
wrong '1 1\n1 0\n1 1\n'
try 'cusgd train data.csv --column-scales missing --model n'
try 'cusgd train data.csv --column-scales u --no-standardize --model n'

# Factors of 0 leave a column out of the penalty, for l1 and l2 alike, or for one of them.
printf '0\n1\n1\n' >f
cusgd train data.csv --l1 10 --penalty-factors f -q --model m
try 'cusgd info m | tail -n 3 | awk "{ print \$1, \$2 != 0 }"'
printf '0 1\n1,1\n1\n' >g
cusgd train data.csv --l1 10 --penalty-factors g -q --model m
try 'cusgd info m | tail -n 3 | awk "{ print \$1, \$2 != 0 }"'
wrong() { printf "$1" >f && try "cusgd train data.csv --penalty-factors f --model n"; }
wrong '1\n2\n'
wrong '1\n-2\n1\n'
wrong '1\nx\n1\n'
wrong '1\n1 2 3\n1\n'
try 'cusgd train data.csv --penalty-factors missing --model n'
ls

# Bounds hold in the units of the data.
cusgd train data.csv --lower 0 --upper 0.125 -q --model m
coefficients m
try 'cusgd train data.csv --lower 1 --upper 0 --model n'
