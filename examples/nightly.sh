#!/bin/sh
# A nightly job: bring the index up to date, tell of what needs a look, tidy up once a week.
# usage: examples/nightly.sh [AUDIOSIM-OPTION...]     (needs audiosim on the PATH)
# cron mails what it prints, which is nothing as long as all is well. Options go to `audiosim index`.
set -u
log=${AUDIOSIM_LOG:-$HOME/audiosim.log}

audiosim index --quiet --max-hours 6 --wait 600 --log-file "$log" "$@"
code=$?
case $code in
    0) ;;
    3) echo "audiosim: something needs a look: see 'audiosim status' and $log" ;;
    4) echo "audiosim: another run has been at work for ten minutes: nothing was done" ;;
    *) exit "$code" ;;
esac

if [ "$(date +%u)" = 7 ]; then
    audiosim verify --repair --quiet || code=$?
    audiosim gc --older-than 90d --quiet || code=$?
fi
exit "$code"
