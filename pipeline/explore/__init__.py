"""`apex-logs explore`, the page in the browser: `site` puts it together, `page` is the page.

    view  periods                   what is looked at, as a URL; times
    asking  completion  saved       what is asked of the documents; what the query bar offers; a file of queries
    rows  charts  world  outlines   what is shown, as plain values: cells, charts, the map
    engine  letters                 the engine's API; dead letters, and sending them again
    guard  downloads                who may ask; the result as a file
    sources  desk                   what an open page looks into, and its view
    page, head, bar, results, field_list, document_panel, map_tab, pipeline_tab    NiceGUI: what the browser shows

May import everything below the command line, and NiceGUI, which is loaded when `explore` is called. Must never change a
document, nor hand a value that came from one to the browser as anything but text: keys of rows and charts are our own,
as NiceGUI runs what stands under a key that begins with a colon.
"""
