# `cusgd generate`: what it writes, what it overwrites and what it refuses.
try 'cusgd generate made --rows 500 --cols 4 --outputs 2 --noise 0.01'
ls made
try 'cusgd train made --model m 2>&1 | grep -o "500 rows, 4 columns, 2 outputs"'
score m made

# Only --force overwrites.
cp made/x.npy kept.npy
try 'cusgd generate made --rows 20 --cols 2'
cmp kept.npy made/x.npy
try 'cusgd generate made --rows 20 --cols 2 --force'
try 'cusgd info made'

# Every option changes what is written; their defaults change nothing.
cusgd generate plain --rows 50 --cols 3
for option in '--outputs 3' '--informative 1' '--targets logistic' '--noise 0.5' '--correlation 0.9' '--condition 100' '--seed 7' \
    '--precision double'; do
    cusgd generate "made $option" --rows 50 --cols 3 $option
    if cmp -s plain/x.npy "made $option/x.npy" && cmp -s plain/y.npy "made $option/y.npy"; then echo "$option changes nothing"; fi
done
cusgd generate same --rows 5e1 --cols 3 --outputs 1 --targets linear --noise 1 --correlation 0 --condition 1 --seed 0 \
    --precision float --informative 3 --device auto
for file in x.npy y.npy true.safetensors; do cmp plain/$file same/$file; done

for wrong in '--rows 0 --cols 3' '--rows 10' '--cols 10' '--rows -1 --cols 3' '--rows 1.5 --cols 3' '--rows x --cols 3' \
    '--rows 1e30 --cols 3' '--rows 10 --cols 3 --outputs 0' '--rows 10 --cols 3 --informative 4' '--rows 10 --cols 3 --noise -1' \
    '--rows 10 --cols 3 --noise nan' '--rows 10 --cols 3 --noise 1e999' '--rows 10 --cols 3 --targets poisson' \
    '--rows 10 --cols 3 --correlation 1' '--rows 10 --cols 3 --correlation 0x1p-1' '--rows 10 --cols 3 --condition 0.5' \
    '--rows 10 --cols 3 --correlation .5 --condition 10' '--rows 10 --cols 3 --seed -1' '--rows 10 --cols 3 --precision half' \
    '--rows 50 --cols 3 --device tpu'; do
    try "cusgd generate none $wrong 2>&1 | grep -v ^usage"
done
try 'cusgd generate data.csv/none --rows 3 --cols 3'
try 'CUSGD_MODULE_DIR=. cusgd generate none --rows 50 --cols 3 --device cuda:77 2>&1 | grep -o "device cuda:77"'
ls -d none* 2>/dev/null || true
