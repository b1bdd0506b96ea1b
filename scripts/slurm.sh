#!/bin/bash
# Train on several machines under Slurm: one task each for scheduler and server, the rest workers.
#
#     DMLC_INTERFACE=eth0 sbatch --ntasks=10 --cpus-per-task=2 \
#         scripts/slurm.sh scripts/train_classifier.py lenet.mnist --distributed
#
# All machines have this folder and this Python at the same paths, and share the run's folder.
#SBATCH --job-name=zoo
#SBATCH --open-mode=append
set -u
export DMLC_NUM_SERVER=1 DMLC_NUM_WORKER=$((SLURM_NTASKS - 2)) ZOO_THREADS=${SLURM_CPUS_PER_TASK:-1}
export DMLC_INTERFACE=${DMLC_INTERFACE:-lo}
# two jobs on one machine have ports of their own; the hub's is the next one
export DMLC_PS_ROOT_PORT=${DMLC_PS_ROOT_PORT:-$((10000 + ${SLURM_JOB_ID:-0} % 10000 * 2))}
if [[ $DMLC_INTERFACE == lo ]] && ((${SLURM_JOB_NUM_NODES:-1} > 1)); then
    echo "Several machines need DMLC_INTERFACE, such as eth0: lo reaches no other." >&2
    exit 1
fi
# this script and task 0, the scheduler, run on the first machine
[[ -n ${DMLC_PS_ROOT_URI:-} ]] ||
    DMLC_PS_ROOT_URI=$(ip -4 -o address show dev "$DMLC_INTERFACE" | sed -n '1s/.*inet \([^/ ]*\).*/\1/p')
if [[ -z $DMLC_PS_ROOT_URI ]]; then
    echo "DMLC_INTERFACE=$DMLC_INTERFACE has no IPv4 address here: name another one." >&2
    exit 1
fi
export DMLC_PS_ROOT_URI

# srun gives the highest code of all tasks: an error of a role's own has to be above 75 and signals
role='case $SLURM_PROCID in
    0) export DMLC_ROLE=scheduler ;;
    1) export DMLC_ROLE=server DMLC_SERVER_ID=0 ;;
    *) export DMLC_ROLE=worker DMLC_WORKER_ID=$((SLURM_PROCID - 2)) ;;
esac
child= told=
trap "told=1; [[ -z \$child ]] || kill -TERM \$child" TERM  # Slurm may signal this shell alone
"${PYTHON:-python}" "$@" &
child=$!
[[ -z $told ]] || kill -TERM "$child"  # it came before the child was known
while wait "$child"; code=$?; kill -0 "$child" 2>/dev/null; do :; done
((code == 0 || code == 75 || code > 128)) || code=254
exit $code'

for attempt in 1 2 3 4; do
    srun --cpus-per-task="$ZOO_THREADS" --kill-on-bad-exit=1 bash -c "$role" role "$@"
    code=$?
    ((code == 254)) && exit 1
    # 75: others were lost; more than 128: killed by a signal
    ((code == 75 || code > 128)) || exit "$code"
    ((attempt == 4)) && next="none follows" || next="what follows goes on from the last checkpoint"
    echo "Attempt $attempt was cut (code $code); $next." >&2
done
exit "$code"
