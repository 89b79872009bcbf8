#!/bin/bash
# Runs once, when PostgreSQL's volume is new: one user and database for Siaga, one user and two databases for Temporal.
set -euo pipefail

: "${SIAGA_DB_PASSWORD:?}" "${TEMPORAL_DB_PASSWORD:?}"

psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set=siaga_password="$SIAGA_DB_PASSWORD" --set=temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE siaga LOGIN PASSWORD :'siaga_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE siaga OWNER siaga;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
-- Neither application can open the other's databases.
REVOKE CONNECT ON DATABASE siaga, temporal, temporal_visibility FROM PUBLIC;
SQL
