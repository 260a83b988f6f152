#!/bin/sh
# Sets the password of Kibana's user, and makes the pipeline's role and user. Run again, it changes nothing.
# In: ELASTICSEARCH_URL, ELASTIC_PASSWORD (of ELASTIC_USERNAME, or elastic), KIBANA_PASSWORD, PIPELINE_PASSWORD, CA.
set -eu

ask() { # METHOD PATH [BODY]
    curl -fsS --cacert "$CA" -u "${ELASTIC_USERNAME:-elastic}:$ELASTIC_PASSWORD" -H 'Content-Type: application/json' \
        -X "$1" "$ELASTICSEARCH_URL$2" ${3:+--data "$3"}
    echo
}

until ask GET '/_cluster/health?wait_for_status=yellow&timeout=5s'; do sleep 2; done
ask POST /_security/user/kibana_system/_password "{\"password\": \"$KIBANA_PASSWORD\"}"
# What the elasticsearch output does: create documents and indices of its own, look whether its template is there.
ask PUT /_security/role/apex_pipeline '{
  "cluster": ["monitor", "manage_index_templates", "manage_ilm"],
  "indices": [{
    "names": ["apex-logs-*"],
    "privileges": ["create_doc", "create_index", "auto_configure", "view_index_metadata"]
  }]
}'
ask PUT /_security/user/apex_pipeline "{\"password\": \"$PIPELINE_PASSWORD\", \"roles\": [\"apex_pipeline\"]}"
