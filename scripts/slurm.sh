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
export DMLC_INTERFACE=${DMLC_INTERFACE:-lo} DMLC_PS_ROOT_PORT=${DMLC_PS_ROOT_PORT:-9091}
# this script and task 0, the scheduler, run on the first machine
[[ -n ${DMLC_PS_ROOT_URI:-} ]] ||
    DMLC_PS_ROOT_URI=$(ip -4 -o address show dev "$DMLC_INTERFACE" | sed 's/.*inet //; s/[/ ].*//')
export DMLC_PS_ROOT_URI

role='case $SLURM_PROCID in
    0) export DMLC_ROLE=scheduler ;;
    1) export DMLC_ROLE=server DMLC_SERVER_ID=0 ;;
    *) export DMLC_ROLE=worker DMLC_WORKER_ID=$((SLURM_PROCID - 2)) ;;
esac
exec "${PYTHON:-python}" "$@"'

for attempt in 1 2 3 4; do
    srun --kill-on-bad-exit=1 bash -c "$role" role "$@"
    code=$?
    # 75: others were lost; more than 128: killed by a signal
    ((code == 75 || code > 128)) || exit "$code"
    ((attempt == 4)) && next="none follows" || next="what follows goes on from the last checkpoint"
    echo "Attempt $attempt was cut (code $code); $next." >&2
done
exit "$code"
