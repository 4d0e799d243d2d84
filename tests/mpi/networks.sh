#!/bin/bash
# Trains in two processes of two network namespaces, as on two machines: by TCP, with a delay where the kernel has one to give.
# Where the network is cut, both have to end.
#
#   networks.sh BUILD_FOLDER     exit code 77, and why, where there can be no namespaces or is no Open MPI: not passed, not failed
set -uo pipefail
cusgd=$1/bin/cusgd names=cusgd-$$
export CUSGD_MODULE_DIR=$1/lib OMP_WAIT_POLICY=passive OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1

skip() {
    echo "skipped: $*"
    exit 77
}

command -v mpirun.openmpi >/dev/null && [ -e "$1/lib/libcusgd-openmpi.so" ] || skip "there is no Open MPI, or no module for it"
command -v ip >/dev/null || skip "there is no ip command"
folder=$(mktemp -d)
cd "$folder" || exit 1
trap 'ip netns del $names-a; ip netns del $names-b; rm -rf "$folder"' EXIT
ip netns add $names-a 2>says && ip netns add $names-b 2>>says || skip "no network namespaces: $(cat says)"
ip -n $names-a link add va type veth peer name vb 2>says && ip -n $names-a link set vb netns $names-b 2>>says || skip "no virtual network: $(cat says)"
delay="a delay of 1 ms"
for side in a b; do
    ip -n $names-$side link set lo up
    ip -n $names-$side addr add 10.77.0.$([ $side = a ] && echo 1 || echo 2)/24 dev v$side
    ip -n $names-$side link set v$side up
    tc -n $names-$side qdisc add dev v$side root netem delay 1ms 2>/dev/null || delay="no delay, which this kernel does not have"
done

# The second rank's launcher: HOST COMMAND...
cat >agent.sh <<END
#!/bin/bash
shift
exec ip netns exec $names-b bash -c "\$*"
END
chmod +x agent.sh
printf '10.77.0.1 slots=1\n10.77.0.2 slots=1\n' >hosts
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

run() {
    timeout -k 1 60 ip netns exec $names-a mpirun.openmpi --hostfile hosts -n 2 --map-by node --mca plm_rsh_agent "$folder/agent.sh" \
        --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 -x CUSGD_MODULE_DIR \
        "$cusgd" train "$@" --device cpu --threads 1 --quiet >printed 2>&1
}

received() { ip -n $names-b -s link show vb | awk '/RX:/ {getline; print $1}'; }

"$cusgd" generate data --rows 400 --cols 12 >/dev/null 2>&1 || fail "no data"
"$cusgd" train data --epochs 100 --batch 64 --shards 8 --device cpu --threads 1 --model alone --quiet
before=$(received)
run data --epochs 100 --batch 64 --model several || fail "two networks: $(cat printed)"
cmp alone several || fail "two networks: another model"
[ $(($(received) - before)) -gt 100000 ] || fail "the ranks have not used the network"

run data --optimizer sgd --rate 1e-9 --tolerance 0 --epochs 1000000 --model cut --checkpoint state --every 20steps --timeout 3 &
launcher=$!
for _ in $(seq 200); do
    [ -e state ] && break
    sleep 0.1
done
[ -e state ] || fail "no checkpoint: $(cat printed)"
ip -n $names-a link set va down
# Open MPI's own processes do not notice; those that train do.
processes() { for side in a b; do ip netns pids $names-$side; done; }
training() { for pid in $(processes); do { tr '\0' '\n' <"/proc/$pid/cmdline"; } 2>/dev/null | head -n 1 | grep -x -- "$cusgd"; done; }
for _ in $(seq 300); do
    [ -z "$(training)" ] && break
    sleep 0.1
done
[ -z "$(training)" ] || fail "a rank still ran half a minute after the network was cut, with --timeout 3"
for pid in $(processes); do kill -KILL "$pid" 2>/dev/null; done
wait $launcher 2>/dev/null
echo "two networks with $delay, $failures failed"
[ $failures = 0 ]
