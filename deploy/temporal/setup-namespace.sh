#!/bin/sh
# Makes the namespace and the search attributes that the workflows use. Safe to run again. The list equals
# SEARCH_ATTRIBUTES in workflows/contract.ts; a test compares the two.
set -eu

: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:=default}"
# Ended runs stay to be looked at for thirty days; the record itself is in Siaga's database.
: "${RETENTION:=720h}"
export TEMPORAL_ADDRESS

SEARCH_ATTRIBUTES="
NotificationType=Keyword
NotificationPriority=Keyword
NotificationStatus=Keyword
Zone=Keyword
Ticket=Keyword
Step=Int
"

tries=0
until temporal operator cluster health >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -ge 60 ]; then
    echo "Temporal at $TEMPORAL_ADDRESS is not healthy after two minutes." >&2
    exit 1
  fi
  sleep 2
done

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

# A namespace takes some seconds to reach every part of the server.
tries=0
until existing=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" 2>/dev/null); do
  tries=$((tries + 1))
  if [ "$tries" -ge 30 ]; then
    echo "The namespace $TEMPORAL_NAMESPACE does not answer." >&2
    exit 1
  fi
  sleep 1
done

created=false
for attribute in $SEARCH_ATTRIBUTES; do
  name=${attribute%%=*}
  type=${attribute#*=}
  if printf '%s\n' "$existing" | awk -v name="$name" '$1 == name { found = 1 } END { exit !found }'; then
    echo "$name is there"
  else
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type "$type"
    created=true
  fi
done
if [ "$created" = true ]; then
  # The server's parts read a namespace's attributes again every ten seconds; until then they refuse new ones.
  sleep 12
fi
echo "The namespace $TEMPORAL_NAMESPACE is ready."
