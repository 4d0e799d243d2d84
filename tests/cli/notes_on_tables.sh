# What a table gives reason to say, once; -q says nothing.
printf '1,foo,3\n2,3,5\n4,4,4\n9,1,2\n' >d.csv
notes 'cusgd train d.csv --solver exact --model m'
try 'cusgd train d.csv --solver exact --model m -q'
notes 'cusgd info d.csv'
tail -n +2 d.csv >e.csv
notes 'cusgd evaluate m e.csv --header no'

printf ',a,y\n0,1,2\n1,2,4\n2,5,5\n3,1,2\n' >d.csv
notes 'cusgd train d.csv --solver exact --model m'
try 'cusgd train d.csv --solver exact --model m -q'
notes 'cusgd info d.csv'
tail -n +2 d.csv >e.csv
notes 'cusgd evaluate m e.csv --header no'

# How columns become features is the model's: what the line says of it changes nothing.
printf 'c,n,y\nu,1,1\nv,2,2\nw,4,4\nu,3,2\n' >c.csv
cusgd train c.csv --categorical c --model m -q
notes 'cusgd train c.csv --init m --categorical n --polynomial 2 --interactions --date-order day-first --epochs 2 --model k'
notes 'cusgd train c.csv --init m --epochs 2 --model k'

# A target of one class cannot be learned; a model of two is validated with, and evaluated on, one of them.
awk -F, -v OFS=, 'NR > 1 { $4 = 1 } { print }' data.csv >ones.csv
awk -F, -v OFS=, 'NR > 1 { $4 = NR % 2 } { print }' data.csv >both.csv
try 'cusgd train ones.csv --loss logistic --model n'
ls
try 'cusgd train both.csv --loss logistic --valid ones.csv --model m -q'
cusgd evaluate m ones.csv >/dev/null
