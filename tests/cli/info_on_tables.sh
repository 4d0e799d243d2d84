# `cusgd info` describes any table, whatever is wrong with it.
printf 'species,length,sex,mass\nAdelie,39.1,male,3750\nGentoo,NA,,3800\nAdelie,40,female,\n' >p.csv
try 'cusgd info p.csv'
try 'cusgd info - <p.csv'
try 'cusgd info p.csv --target price'
try 'cusgd info data.csv --target c --offset b --weights a'

# Texts among numbers are counted, and so are the different ones; row numbers of an index may begin anywhere; whole numbers from 0
# on may be counts; columns line up whatever their names are written with.
awk -v OFS=, 'BEGIN { print "id,Fl\303\244che (m\302\262),heat,year,y"
                      for (i = 0; i < 9; i++) print i + 10000, i * i, i % 3 ? "Gas" : i, 1990 + i, i % 4 }' >t.csv
try 'cusgd info t.csv'
try 'cusgd info t.csv --target year'
cut -d, -f1,2,5 t.csv >u.csv
notes 'cusgd train u.csv --model m'

# Ragged rows, a quote that is never closed, classes of text.
printf 'a,b,y\n1,2,3\n2,3\n4,5,6,7\n' >t.csv
try 'cusgd info t.csv'
printf 'a,b\n1,2\n3,"4\n5,6\n' >t.csv
try 'cusgd info t.csv'
printf 'a,y\n1,u\n2,v\n3,w\n4,u\n' >t.csv
try 'cusgd info t.csv'

# A column that only counts the rows is left out, but where it is the one feature.
printf 'a,b,y\n1,5,u\n2,1,v\n3,7,w\n4,2,u\n' >t.csv
try 'cusgd info t.csv | tail -n 1'
