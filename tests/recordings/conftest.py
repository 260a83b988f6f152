"""What a real Filebeat and a real Logstash did; only where APEX_RECORDINGS names the folder that holds it."""

import os

collect_ignore = [] if os.environ.get("APEX_RECORDINGS") else ["test_filebeat.py", "test_loghub.py"]
