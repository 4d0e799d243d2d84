# However a table is written, its model is the same.
cusgd train data.csv --model m -q
cusgd predict m data.csv -o p.csv
reads() { # FILE [OPTIONS]
    cusgd train "$1" ${2:-} --model n -q
    cusgd info "$1" ${2:-} >/dev/null
    # What was found is not kept, what was said is: the model reads the file by itself.
    cusgd predict n "$1" -o q.csv
    cmp p.csv q.csv
    cusgd evaluate n "$1" >/dev/null
    cusgd train - ${2:-} --model n -q <"$1"
    if [ -z "${2:-}" ]; then cmp m n; fi
    rm "$1"
}
tr ',' ';' <data.csv >s.csv && reads s.csv
tr ',' '\t' <data.csv >s.tsv && reads s.tsv
tr ',' '|' <data.csv >s.txt && reads s.txt
tr ',' ' ' <data.csv >s.dat && reads s.dat
tr ',.' ';,' <data.csv >s.csv && reads s.csv
tr ',.' '\t,' <data.csv >s.csv && reads s.csv
tr ',.' ' ,' <data.csv >s.csv && reads s.csv
sed 's/,/   /g; s/^/  /' data.csv >s.csv && reads s.csv
{ echo '# a comment' && cat data.csv; } >s.csv && reads s.csv
{ echo '# a comment' && echo '# x, y' && echo && sed '20a # more' data.csv; } >s.csv && reads s.csv
{ echo 'sep=,' && cat data.csv; } >s.csv && reads s.csv
{ echo 'sep=;' && tr ',.' ';,' <data.csv; } >s.csv && reads s.csv
{ printf '\357\273\277' && cat data.csv; } >s.csv && reads s.csv
gzip -c data.csv >s.csv.gz && reads s.csv.gz
{ head -n 9 data.csv | gzip -c && tail -n +10 data.csv | gzip -c; } >s.csv && reads s.csv
tr ',.' ';,' <data.csv | gzip -c >s && reads s
tr ',' '~' <data.csv >s.csv && reads s.csv '--separator ~'
tr ',.' ';,' <data.csv >s.csv && reads s.csv '--separator semicolon --decimal comma'
{ echo 'Report of May' && echo '1;2' && tr ',' ';' <data.csv; } >s.csv && reads s.csv '--skip 2'
{ echo 'Report of May' && cat data.csv; } >s.csv
cusgd train s.csv --skip 1 --model n -q
cusgd predict n data.csv --skip 0 -o q.csv
cmp p.csv q.csv
echo 'all are equal'

try "cusgd train data.csv --separator '\"' --model n"
try 'cusgd train data.csv --separator xy --model n'
try 'cusgd train data.csv --separator . --model n'
try "cusgd train data.csv --decimal ';' --model n"
try 'cusgd train data.csv --skip -1 --model n'
try 'cusgd train data.csv --skip x --model n'
try 'cusgd train data.csv --thousands _ --model n'
try 'cusgd train data.csv --thousands comma --decimal comma --model n'
try 'cusgd train data.csv --date-order iso --model n'
