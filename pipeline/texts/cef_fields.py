"""The names of ArcSight's Common Event Format: of each extension its name, its short key, and its field in ECS.

After "Implementing ArcSight Common Event Format", revision 25, and Logstash's table of ECS fields. `DEVICE` in a field
is `observer` or `host`, as the codec's option `device` says. Where two share an ECS field, the first is written.
"""

from __future__ import annotations

from typing import NamedTuple

HEADER = ("cefVersion", "deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "severity")
_SEVEN_ECS = "[cef][version] [observer][vendor] [observer][product] [observer][version] [event][code] [cef][name]"
HEADER_ECS = (*_SEVEN_ECS.split(), "[event][severity]")
SYSLOG, SYSLOG_ECS = "syslog", "[log][syslog][header]"


class Extension(NamedTuple):
    """An extension; `key` is its name where it has no short one."""

    name: str
    key: str
    ecs: str
    time: bool = False
    """Whether it holds a time, which ECS wants as such."""


_TABLE = """
agentAddress agt [agent][ip]
agentDnsDomain - [cef][agent][registered_domain]
agentHostName ahost [agent][name]
agentId aid [agent][id]
agentMacAddress amac [agent][mac]
agentNtDomain - [cef][agent][registered_domain]
agentReceiptTime art [event][created] time
agentTimeZone atz [cef][agent][timezone]
agentTranslatedAddress - [cef][agent][nat][ip]
agentTranslatedZoneExternalID - [cef][agent][translated_zone][external_id]
agentTranslatedZoneURI - [cef][agent][translated_zone][uri]
agentType at [agent][type]
agentVersion av [agent][version]
agentZoneExternalID - [cef][agent][zone][external_id]
agentZoneURI - [cef][agent][zone][uri]
applicationProtocol app [network][protocol]
baseEventCount cnt [cef][base_event_count]
bytesIn in [source][bytes]
bytesOut out [destination][bytes]
categoryDeviceType catdt [cef][device_type]
customerExternalID - [organization][id]
customerURI - [organization][name]
destinationAddress dst [destination][ip]
destinationDnsDomain - [destination][registered_domain]
destinationGeoLatitude dlat [destination][geo][location][lat]
destinationGeoLongitude dlong [destination][geo][location][lon]
destinationHostName dhost [destination][domain]
destinationMacAddress dmac [destination][mac]
destinationNtDomain dntdom [destination][registered_domain]
destinationPort dpt [destination][port]
destinationProcessId dpid [destination][process][pid]
destinationProcessName dproc [destination][process][name]
destinationServiceName - [destination][service][name]
destinationTranslatedAddress - [destination][nat][ip]
destinationTranslatedPort - [destination][nat][port]
destinationTranslatedZoneExternalID - [cef][destination][translated_zone][external_id]
destinationTranslatedZoneURI - [cef][destination][translated_zone][uri]
destinationUserId duid [destination][user][id]
destinationUserName duser [destination][user][name]
destinationUserPrivileges dpriv [destination][user][group][name]
destinationZoneExternalID - [cef][destination][zone][external_id]
destinationZoneURI - [cef][destination][zone][uri]
deviceAction act [event][action]
deviceAddress dvc [DEVICE][ip]
deviceDirection - [network][direction]
deviceDnsDomain - [DEVICE][registered_domain]
deviceEventCategory cat [cef][category]
deviceExternalId - [DEVICE][name]
deviceFacility - [log][syslog][facility][code]
deviceHostName dvchost [DEVICE][hostname]
deviceInboundInterface - [observer][ingress][interface][name]
deviceMacAddress dvcmac [DEVICE][mac]
deviceNtDomain - [cef][nt_domain]
deviceOutboundInterface - [observer][egress][interface][name]
devicePayloadId - [cef][payload_id]
deviceProcessId dvcpid [process][pid]
deviceProcessName - [process][name]
deviceReceiptTime rt @timestamp time
deviceTimeZone dtz [event][timezone]
deviceTranslatedAddress - [host][nat][ip]
deviceTranslatedZoneExternalID - [cef][translated_zone][external_id]
deviceTranslatedZoneURI - [cef][translated_zone][uri]
deviceVersion - [observer][version]
deviceZoneExternalID - [cef][zone][external_id]
deviceZoneURI - [cef][zone][uri]
endTime end [event][end] time
eventId - [event][id]
eventOutcome outcome [event][outcome]
externalId - [cef][external_id]
fileCreateTime - [file][created]
fileHash - [file][hash]
fileId - [file][inode]
fileModificationTime - [file][mtime] time
fileName fname [file][name]
filePath - [file][path]
filePermission - [file][group]
fileSize fsize [file][size]
fileType - [file][extension]
managerReceiptTime mrt [event][ingested] time
message msg [message]
oldFileCreateTime - [cef][old_file][created] time
oldFileHash - [cef][old_file][hash]
oldFileId - [cef][old_file][inode]
oldFileModificationTime - [cef][old_file][mtime] time
oldFileName - [cef][old_file][name]
oldFilePath - [cef][old_file][path]
oldFilePermission - [cef][old_file][group]
oldFileSize - [cef][old_file][size]
oldFileType - [cef][old_file][extension]
rawEvent - [event][original]
Reason reason [event][reason]
requestClientApplication - [user_agent][original]
requestContext - [http][request][referrer]
requestCookies - [cef][request][cookies]
requestMethod - [http][request][method]
requestUrl request [url][original]
sourceAddress src [source][ip]
sourceDnsDomain - [source][registered_domain]
sourceGeoLatitude slat [source][geo][location][lat]
sourceGeoLongitude slong [source][geo][location][lon]
sourceHostName shost [source][domain]
sourceMacAddress smac [source][mac]
sourceNtDomain sntdom [source][registered_domain]
sourcePort spt [source][port]
sourceProcessId spid [source][process][pid]
sourceProcessName sproc [source][process][name]
sourceServiceName - [source][service][name]
sourceTranslatedAddress - [source][nat][ip]
sourceTranslatedPort - [source][nat][port]
sourceTranslatedZoneExternalID - [cef][source][translated_zone][external_id]
sourceTranslatedZoneURI - [cef][source][translated_zone][uri]
sourceUserId suid [source][user][id]
sourceUserName suser [source][user][name]
sourceUserPrivileges spriv [source][user][group][name]
sourceZoneExternalID - [cef][source][zone][external_id]
sourceZoneURI - [cef][source][zone][uri]
startTime start [event][start] time
transportProtocol proto [network][transport]
type - [cef][type]
"""
_NUMBERED = {
    "deviceCustomFloatingPoint": ("cfp", "device_custom_floating_point"),
    "deviceCustomIPv6Address": ("c6a", "device_custom_ipv6_address"),
    "deviceCustomNumber": ("cn", "device_custom_number"),
    "deviceCustomString": ("cs", "device_custom_string"),
}
LEGACY = {
    "destinationLatitude": "destinationGeoLatitude",
    "destinationLongitude": "destinationGeoLongitude",
    "destinationTimeZone": "deviceTimeZone",
    "sourceLatitude": "sourceGeoLatitude",
    "sourceLongitude": "sourceGeoLongitude",
}
"""Names of old, and those of today."""
_HOST = {"[DEVICE][name]": "[host][id]", "[DEVICE][hostname]": "[host][name]"}


def extensions(device: str) -> list[Extension]:
    """Every extension; `device` is `observer` or `host`."""
    found = []
    for line in _TABLE.split("\n")[1:-1]:
        name, key, ecs, *time = line.split()
        if device == "host":
            ecs = _HOST.get(ecs, ecs)
        found.append(Extension(name, name if key == "-" else key, ecs.replace("DEVICE", device), bool(time)))
    for name, (key, ecs) in _NUMBERED.items():
        for number in range(1, 16):
            field = f"[cef][{ecs}_{number}]"
            found.append(Extension(f"{name}{number}", f"{key}{number}", f"{field}[value]"))
            found.append(Extension(f"{name}{number}Label", f"{key}{number}Label", f"{field}[label]"))
    return found
