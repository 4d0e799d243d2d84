# All problems of a table at once, as a list that can be pasted into an option.
awk -F, -v OFS=, 'NR == 1 { print "sex,\"size, cm\"", $0, "day" } NR > 1 { print "W", "big", $0, NR == 9 ? "" : "Sun" }' data.csv >t.csv
try 'cusgd train t.csv --target y --categorical none --missing error --model m'
try "cusgd train t.csv --target y --categorical 'sex,\"size, cm\",day' --missing drop --model m -q"
score m t.csv
try "cusgd train t.csv --target y --ignore 'sex,\"size, cm\",day' --model m -q"
score m t.csv

# Text that repeats is categories, and a few rows that lack a value are left out, without an option; the notes say so.
awk -v OFS=, 'BEGIN { print "color,size,y"
                      for (i = 0; i < 40; i++) print (i % 3 ? "red" : "blue"), i == 7 ? "NA" : i, 2 * i + (i % 3 > 0) }' >t.csv
notes 'cusgd train t.csv --solver exact --model m'
coefficients m
score m t.csv
cusgd train t.csv --categorical color --missing drop --solver exact --model m2 -q
cusgd info m --coefficients >c && cusgd info m2 --coefficients | cmp - c
try 'cusgd train t.csv --categorical none --model m2'
try 'cusgd train t.csv --missing error --model m2'
try 'cusgd train t.csv --missing sometimes --model m2'

# A model of numbers takes no text, from the file of --valid neither.
cut -d, -f2,3 t.csv >n.csv
sed 's/,size/,x/; s/color,/size,/; s/^blue,[0-9NA]*/blue,0/' t.csv | cut -d, -f1,3 >v.csv
try 'cusgd train n.csv --valid v.csv --model m2 -q'

# Names and dates are somebody's decision, and the message has what to paste.
awk -v OFS=, 'BEGIN { print "name,day,color,y"
                      for (i = 0; i < 40; i++) print "Al " i % 25, "2024-01-" 10 + i % 9, i % 2 ? "red" : "blue", i % 5 }' >t.csv
try 'cusgd train t.csv --model m2'
try 'cusgd train t.csv --date day --ignore name --model m -q'
try 'cusgd info m | grep ^features'

# Names with commas and quotes.
sed '1s/.*/"a, b","say ""x""",c,y/' data.csv >q.csv
try "cusgd train q.csv --features '\"a, b\",\"say \"\"x\"\"\"' --target y --model m -q && cusgd info m | grep ^features"
try "cusgd train q.csv --ignore '\"a, b\"' --ignore=c --model m -q && cusgd info m | grep ^features"
try "cusgd train q.csv --ignore 'c,say \"x\"' --model m -q && cusgd info m | grep ^features" # a quote inside a name is itself
try "cusgd train q.csv --ignore '\"a, b' --model m -q"
try "cusgd train q.csv --ignore '\"a\"b' --model m -q"
try "cusgd train q.csv --ignore 'c,\"a' --model m -q"

# Columns that are not there: the message says what names them, and what may be meant.
printf 'a,b,y\n1,2,3\n2,5,4\n7,1,5\n' >t.csv
printf 'a,y\n1,2\n2,5\n' >v.csv
printf 'a;b;y\n1;2;3\n2;5;4\n' >s.csv
try 'cusgd train t.csv --valid v.csv --model m'
try 'cusgd train t.csv --target 12 --model m'
try 'cusgd train s.csv --separator comma --model m'
try 'cusgd train t.csv --history no/such/folder --model m'

# A table as it was published: R's lm has R2 .8768 with all columns.
cp "$DATASETS/penguins.csv" .
notes 'cusgd train penguins.csv --target body_mass_g --solver exact --model m'
score m penguins.csv
try 'cusgd predict m penguins.csv -o - 2>/dev/null | tail -n +2 | grep -c "^[0-9]"'
