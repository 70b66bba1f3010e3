#!/bin/sh
# Starts the standby of compose.yaml: copies the primary the first time, and follows it. "$@" starts PostgreSQL.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  PGPASSWORD=$(cat /run/secrets/replication-password)
  export PGPASSWORD
  pg_basebackup --host="${PRIMARY:-primary}" --username=replication --pgdata="$PGDATA" --checkpoint=fast --write-recovery-conf
  unset PGPASSWORD
  # The copy has the primary's settings. When this becomes the primary, it waits for no standby until you name one.
  echo "synchronous_standby_names = ''" >> "$PGDATA/postgresql.auto.conf"
fi
exec "$@"
