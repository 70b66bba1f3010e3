#!/bin/sh
# Prepares a new primary of compose.yaml, once: the roles, the database, and the standby that every commit waits for.
set -eu
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres --quiet <<'SQL'
\set replication_password `cat /run/secrets/replication-password`
\set database_password `cat /run/secrets/database-password`
CREATE ROLE replication LOGIN REPLICATION PASSWORD :'replication_password';
CREATE ROLE lockkeeper LOGIN PASSWORD :'database_password';
CREATE DATABASE lockkeeper OWNER lockkeeper ENCODING 'UTF8' TEMPLATE template0;
-- Last, and not on the command line: a commit before the standby is there would wait forever. It holds from the next start.
ALTER SYSTEM SET synchronous_standby_names = 'standby';
SQL
echo 'host replication replication all scram-sha-256' >> "$PGDATA/pg_hba.conf"
