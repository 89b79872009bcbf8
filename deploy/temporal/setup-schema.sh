#!/bin/sh
# Brings Temporal's two databases to the schema of this server version. Safe to run again: what is set up stays, and
# update-schema applies only what is missing.
set -eu

: "${POSTGRES_HOST:?}" "${POSTGRES_PORT:=5432}" "${SQL_USER:=temporal}" "${SQL_PASSWORD:?}"
: "${SCHEMA_DIR:=/etc/temporal/schema/postgresql/v12}"
export SQL_PASSWORD

sql_tool() {
  temporal-sql-tool --plugin postgres12 --ep "$POSTGRES_HOST" --port "$POSTGRES_PORT" --user "$SQL_USER" "$@"
}

prepare() {
  database=$1
  versions=$2
  # Makes the version table, and leaves one that exists as it is.
  sql_tool --db "$database" setup-schema -v 0.0
  sql_tool --db "$database" update-schema -d "$SCHEMA_DIR/$versions/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
echo "Temporal's databases are ready."
