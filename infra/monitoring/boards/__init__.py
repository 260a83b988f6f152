"""The dashboards, as code: `make dashboards` writes infra/monitoring/dashboards/*.json from it.

    panels     what a panel is made of: a title, what it says, a unit, curves
    business   APEX Business Metrics
    system     APEX System Health, with the design document's error aggregation
    pipeline   APEX Log Pipeline

Built with Grafana's own foundation SDK, for Grafana 11.3 and newer.
"""
