"""The Kibana Query Language: text in; a predicate for the embedded store, or Elasticsearch's query DSL, out.

    parser  ->  tree  ->  query (fields, values, dates, analysis, narrowing)    for pipeline.store
                      ->  elasticsearch                                         for a cluster
                      ->  writer                                                as KQL again

Plain functions on values: it opens nothing, and knows neither store. `words` is also what the store writes by.
"""
