# Options that make features, from the command line to predictions of the raw table.
cat >shop.csv <<'TABLE'
day,size,sold
2024-01-05,1,20
2024-02-06,2,31
2024-03-14,3,46
2024-04-19,5,90
2024-05-25,4,66
2024-06-30,2.5,41
2024-07-02,1.5,25
TABLE
try 'cusgd train shop.csv --date day --polynomial 2 --l2 0.01 --solver exact -q -m m'
try 'cusgd info m | grep ^features'
cusgd predict m shop.csv -o p.csv
cusgd evaluate m shop.csv >/dev/null
try 'cusgd train shop.csv --date day --interactions -q -m m'
try 'cusgd train shop.csv --date day --polynomial 11 -q -m m'
cusgd generate made --rows 50 --cols 2
try 'cusgd train made --polynomial 2 -q -m m'
try 'cusgd train shop.csv -q -m m'

# The confusion matrix as a table.
printf 'a,who\n1,"x, y"\n2,"x, y"\n3,z\n4,"x, y"\n5,z\n6,z\n' >who.csv
cusgd train who.csv --loss logistic --l2 0.1 --solver newton -q -m m
cusgd evaluate m who.csv --confusion c.csv >/dev/null
try 'cat c.csv'
try 'cusgd evaluate m who.csv --json | grep -o "\"f1[a-z_]*\": 0.6666" | sort -u'
try 'cusgd evaluate m who.csv --confusion none/c.csv'
cusgd train data.csv --solver exact -q -m n
try 'cusgd evaluate n data.csv --json | grep -o "\"[a-z0-9_]*\": 0\..\{3\}" | sort -u'
try 'cusgd evaluate n data.csv --confusion c.csv'
