# The line that info ends with trains on the file, whatever is in it.
trains() { # FILE [OPTIONS]
    local line
    line=$(cusgd info "$1" ${2:-} 2>/dev/null | sed -n 's/^train it:  //p')
    printf '%s\n' "$line"
    line=${line/ NAME.safetensors/ m}
    eval "$line -q"
    cusgd evaluate m "$1" >/dev/null
    cusgd predict m "$1" -o p.csv
}
table() { # TEXT [OPTIONS]
    printf "$1" >t.csv
    trains t.csv "${2:-}"
}
table 'a,b,y\n1,2,3\n2,5,4\n7,1,5\n'
table 'a,c,y\n1,u,3\n2,v,4\n7,u,5\n'
table 'when,d,y\n1/2/2024,1/2/2024,3\n13/2/2024,2/2/2024,4\n14/2/2024,3/3/2024,5\n'
table 'id,name,"size, cm",flag,when,empty,one,mixed,y\n1,Al,3.5,yes,2024-01-02,,7,4,red\n2,Bo,4,no,2024-02-03,,7,x,blue\n3,Al,5,no,2024-03-04,,7,5,red\n4,Bo,4.5,yes,2024-04-05,,7,6,blue\n'
table 'a,"b, c",y\n1,u,3\n2,v,4\n7,u,5\n'
table 'y,a,b\n3,1,p\n4,2,q\n5,7,p\n' '--target y'
table 'a,b,y,\n1,2,3,\n2,5,4,\n7,1,5,\n'
table 'a,a,b,y\n1,2,3,5\n2,5,4,6\n7,1,5,2\n4,4,4,4\n'
table 'x\nsome words\na;b;y\n1,5;2;3\n2;3;4\n3;5;1\n' '--skip 2'
table '1;2,5;3\n2;3,5;4\n5;1,5;2\n'
table 'a,b,y\n1,2,4\n2,,2\n7,1,4\n3,3,2\n2,9,2\n5,1,4\n'
table 'a,b,y\n1,2,4\n2,,3\n7,,4\n3,3,2\n2,9,2\n'
table 'a,b,w,y\n1,2,1,4\n2,4,2,3\n7,5,1,4\n' '--weights w'
table 'a,b,y\n1,2,4\n2,4,3\n7,5,5\n' '--features b'
table 'a,y\n1,u\n2,v\n3,w\n4,u\n'
table 'year,y\n1990,2.5\n1991,3\n1992,4.5\n1993,4\n'
cp t.csv 'two words.csv'
trains 'two words.csv'

# Thousands and the order of dates, from the description to predictions by a model that keeps both.
printf 'when,size,y\n1/2/2024,"1,200",3\n5/2/2024,950,4\n7/3/2024,"2,500",6\n9/9/2024,"1,100",5\n' >t.csv
printf 'size,y\n1200,3\n950,4\n2500,6\n1100,5\n' >plain.csv
try 'cusgd info t.csv'
trains t.csv '--thousands comma --date-order month-first'
cusgd train t.csv --thousands comma --ignore when --solver exact -q -m m && cusgd predict m t.csv -o p.csv
cusgd train plain.csv --solver exact -q -m n && cusgd predict n plain.csv -o q.csv
cmp p.csv q.csv

# The line leaves out columns that repeat others or the target, and there is one for LIBSVM text.
table 'id,a,b,c,y,z\n1,5,2,5,7,7\n2,6,9,6,1,1\n3,1,4,1,3,3\n4,0,8,0,2,2\n'
libsvm() { printf "$1" >rows.svm && trains rows.svm; }
libsvm '1 1:2 3:1\n-1 2:1\n'
libsvm '1 1:2 3:1\n0 2:1\n1 1:1\n'
libsvm '1.5 1:2 3:1\n0.5 2:1\n2.5 1:1\n'

# So there is for folders, whose classes may be those of a table.
cusgd generate made --rows 50 --cols 3 2>/dev/null && trains made
cusgd generate signs --rows 50 --cols 3 --targets logistic 2>/dev/null && trains signs
cusgd convert text.csv pieces 2>/dev/null && trains pieces
cusgd convert "$DATASETS/iris.csv" flowers 2>/dev/null && trains flowers
