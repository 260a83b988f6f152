"""Queries, one a line, for which the embedded store and Elasticsearch must find the same documents."""

QUERIES = r"""
*
*:*
level:error
level:Error
level:ERROR
level:erro
level : error
level:"error"
level:(error or warn)
level:(error or "warn" or crit*)
level:(not info)
level:(error and warn)
not level:info
not (level:info or level:error)
level:error and status:503
level:error or status:404
level:error and (status:503 or message:locked)
level:error and not status:503
level:error or status:404 and message:retry
(level:error or status:404) and message:retry
NOT level:info AND status > 400
level:*
level:e*
level:*r
level:*r*
level:E*
level:*rro*
nothing:*
not nothing:*
empty:*
empty:""
missing:*
missing:x
not missing:x
geoip:*
geoip.*:*
not geoip:*
tags:*
tags:web
tags:(web and eu-west)
tags:"slow query"
tags:slow query
tags:slow
tags:_grok*
tags:"_grok*"
status:503
status:"503"
status:503.0
status:5*
status:abc
status >= 500
status > 500
status < 300
status <= 301
status >= 400 and status < 500
status >= "500"
status > 429.5
status:(500 or 503)
status > abc
duration_ms > 29.9
duration_ms >= 29.9
duration_ms:29.9
duration_ms:100
duration_ms:1.5e3
duration_ms < 1
mixed:11
mixed >= 22
big:9007199254741003
http.version:1.1
http.method:GET
http.method:get
http.method > GET
http.method <= "GET"
http.*:POST
http.*:*
host.n*:web-1
*.name:web-1
*:web-1
*e*:error
level*:error
nosuch*:error
host.name:web-1
host.name:web*
host.name:web
host.name:web?1
host.ip:10.9.0.2
dotted.name:yes
items.sku:A1
items.sku:B10
items.n:9
items.n > 30
items.sku:B* and items.n:45
cached:true
cached:false
cached:"true"
cached:True
cached:yes
not cached:true
source_ip:10.0.0.1
source_ip:"10.0.0.1"
source_ip:10.0.0.0/8
source_ip:"10.0.0.0/15"
source_ip:2001:db8::1
source_ip:"2001:db8::1"
source_ip:"2001:db8::/32"
source_ip:2001\:db8\:\:1
source_ip:::ffff:10.0.0.1
source_ip:10.*
source_ip:abc
source_ip >= 10.1.0.0
source_ip > 81.2.69.160
source_ip < "192.168.0.0" and source_ip > "10.255.255.255"
host.ip:10.9.0.0/30
*ip:10.9.0.3
message:connection
message:CONNECTION
message:connect
message:connect*
message:*nect*
message:connection reset
message:"connection reset"
message:"reset connection"
message:"Reset by"
message:(connection and reset)
message:(connection or timeout)
message:user-agent
message:"user-agent"
message:user_agent
message:user
message:agent
message:example.com
message:example
message:don't
message:don
message:SQLITE_BUSY
message:sqlite
message:sqlite*
message:1.5s
message:1.5
message:3,000
message:10.0.0.1
message:10.0.0
message:v1
message:api/v1
message:"api v1"
message:time-out
message:time*
message:time* conn*
message:conn* finished
message:T*
message:café
message:CAFÉ
message:cafe
message:grösse
message:größe
message:日本
message:日
message:日本語
message:テスト
message:のログ
message:"quoted"
message:\"quoted\"
message:\*
message:*
message:" "
message:"failed quoted"
message:(not and)
message:\and
message:"and or"
message > a
error.message:full
error.message:"disk full"
error.message:"full disk"
error.message:"disk full again"
error.code:E-17
error.code:E
error.code:E*7
*message:full
connection
CONNECTION
connection reset
"connection reset"
"disk full"
error
503
"503"
12.5
true
web-1
GET
get
10.0.0.1
10.0.0.0/8
"10.0.0.1"
2026-11-23
"2026-11-23"
conn*
web*
*-1
E-*
web* conn*
São Paulo
"São Paulo"
New York
"New York"
/healthz
"/projects/{id}"
route:/projects/\{id\}
route:"/projects/{id}"
route:/projects
route:/projects*
route:*projects*
route:/*/common
route:"/projects*"
route:/Projects*
geoip.city_name:"New York"
geoip.city_name:New York
geoip.city_name:New
geoip.city_name:New*
geoip.city_name:*York
geoip.city_name:São*
geoip.city_name > C
trace.id:0000000000000000000000000000001f
trace.id:*1f
@timestamp:*
not @timestamp:*
@timestamp:2026-11-23
@timestamp:"2026-11-23"
@timestamp:2026-11
@timestamp:"2026-11-23T05"
@timestamp >= 2026-11-23
@timestamp > 2026-11-22
@timestamp < 2026-11-23
@timestamp <= 2026-11-22
@timestamp >= "2026-11-23T05:00:00Z"
@timestamp >= "2026-11-23T05:00:00.000Z" and @timestamp < "2026-11-23T09:30"
@timestamp <= "2026-11-23T05:23"
@timestamp > "2026-11-23T05:23"
@timestamp >= "2026-11-23T06:00:00+01:00"
@timestamp >= 2026-11-23T05\:00\:00Z
@timestamp > now-1d
@timestamp >= now-1d/d
@timestamp > now-1d/d
@timestamp < now/d
@timestamp <= now/d
@timestamp:now/d
@timestamp > now-12h and @timestamp <= now-2h
@timestamp >= now-1w/w
@timestamp >= now/M
@timestamp >= "2026-11-22||+6h"
@timestamp < "2026-11-22||+6h/h"
@timestamp:1795392000000
@timestamp >= 1795392000000
@timestamp > yesterday
@timestamp:2026*
event.start:2026-11-23
event.start < now
event.end >= now-30m
event.end <= 1795428000000
level:error and geoip.country_code2:DE
geoip.country_code2:(DE or SE) and not status >= 500
not (not level:error)
not not level:error
((level:error))
level:error and (not message:reset or (status:500 and not host.name:web-0))
"""
