package endpoints;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.elasticsearch.Build;
import org.elasticsearch.action.admin.indices.create.AutoCreateAction;
import org.elasticsearch.action.admin.indices.create.CreateIndexRequest;
import org.elasticsearch.action.admin.indices.create.CreateIndexResponse;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.metadata.ComposableIndexTemplate;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestActionListener;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * What the server's jar leaves to modules that Maven Central does not carry, and a log shipper needs: GET and HEAD /,
 * the data stream endpoints over the server's own data streams, and two index.lifecycle settings as plain settings.
 * Not here: ingest processors, scripts, reindex and *_by_query.
 */
abstract class Endpoints extends Plugin {
    private ClusterService cluster;

    abstract Map<String, DataStream> dataStreams(ClusterState state);

    abstract ClusterState delete(ClusterState state, Set<DataStream> streams) throws Exception;

    abstract ComposableIndexTemplate templateFor(String stream, ClusterState state);

    @Override
    public Collection<?> createComponents(PluginServices services) {
        cluster = services.clusterService();
        return List.of();
    }

    @Override
    public List<Setting<?>> getSettings() {
        return List.of(plain("index.lifecycle.name"), plain("index.lifecycle.rollover_alias"));
    }

    private static Setting<String> plain(String name) {
        return Setting.simpleString(name, "", Setting.Property.Dynamic, Setting.Property.IndexScope);
    }

    List<RestHandler> handlers() {
        return List.of(new Root(), new DataStreams());
    }

    private static RestResponse error(RestChannel channel, RestStatus status, String type, String reason) throws Exception {
        XContentBuilder answer = channel.newBuilder().startObject().startObject("error");
        answer.field("type", type).field("reason", reason).endObject().field("status", status.getStatus());
        return new RestResponse(status, answer.endObject());
    }

    private static RestResponse ok(RestChannel channel) throws Exception {
        return new RestResponse(RestStatus.OK, channel.newBuilder().startObject().field("acknowledged", true).endObject());
    }

    private final class Root extends BaseRestHandler {
        @Override
        public String getName() {
            return "test_root";
        }

        @Override
        public List<Route> routes() {
            return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
            return channel -> {
                Build build = Build.current();
                XContentBuilder answer = channel.newBuilder().prettyPrint().lfAtEnd().startObject();
                answer.field("name", cluster.getNodeName());
                answer.field("cluster_name", cluster.getClusterName().value());
                answer.field("cluster_uuid", cluster.state().metadata().clusterUUID());
                answer.startObject("version").field("number", build.qualifiedVersion()).field("build_flavor", build.flavor());
                answer.field("build_type", build.type().displayName()).field("build_hash", build.hash());
                answer.field("build_date", build.date()).field("build_snapshot", build.isSnapshot());
                answer.field("lucene_version", org.apache.lucene.util.Version.LATEST.toString());
                answer.field("minimum_wire_compatibility_version", build.minWireCompatVersion());
                answer.field("minimum_index_compatibility_version", build.minIndexCompatVersion()).endObject();
                answer.field("tagline", "You Know, for Search").endObject();
                channel.sendResponse(new RestResponse(RestStatus.OK, answer));
            };
        }
    }

    private final class DataStreams extends BaseRestHandler {
        @Override
        public String getName() {
            return "test_data_streams";
        }

        @Override
        public List<Route> routes() {
            return List.of(
                new Route(RestRequest.Method.GET, "/_data_stream"),
                new Route(RestRequest.Method.GET, "/_data_stream/{name}"),
                new Route(RestRequest.Method.PUT, "/_data_stream/{name}"),
                new Route(RestRequest.Method.DELETE, "/_data_stream/{name}")
            );
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
            String name = request.param("name", "*");
            request.param("expand_wildcards");
            return switch (request.method()) {
                case PUT -> channel -> put(name, client, channel);
                case DELETE -> channel -> remove(name, channel);
                default -> channel -> get(name, channel);
            };
        }

        private Map<String, DataStream> matching(String name, ClusterState state) {
            String[] patterns = name.split(",");
            Map<String, DataStream> found = new TreeMap<>();
            dataStreams(state).forEach((stream, value) -> {
                if (Regex.simpleMatch(patterns, stream)) {
                    found.put(stream, value);
                }
            });
            return found;
        }

        private boolean missing(String name, Map<String, DataStream> found, RestChannel channel) throws Exception {
            if (found.isEmpty() == false || Regex.isSimpleMatchPattern(name)) {
                return false;
            }
            channel.sendResponse(error(channel, RestStatus.NOT_FOUND, "index_not_found_exception", "no such index [" + name + "]"));
            return true;
        }

        private void get(String name, RestChannel channel) throws Exception {
            Map<String, DataStream> found = matching(name, cluster.state());
            if (missing(name, found, channel)) {
                return;
            }
            XContentBuilder answer = channel.newBuilder().startObject().startArray("data_streams");
            for (DataStream stream : found.values()) {
                answer.startObject().field("name", stream.getName());
                answer.startObject("timestamp_field").field("name", "@timestamp").endObject().startArray("indices");
                for (var index : stream.getIndices()) {
                    answer.startObject().field("index_name", index.getName()).field("index_uuid", index.getUUID()).endObject();
                }
                answer.endArray().field("generation", stream.getGeneration()).field("hidden", stream.isHidden()).endObject();
            }
            channel.sendResponse(new RestResponse(RestStatus.OK, answer.endArray().endObject()));
        }

        private void put(String name, NodeClient client, RestChannel channel) throws Exception {
            ClusterState state = cluster.state();
            if (dataStreams(state).containsKey(name)) {
                String reason = "data_stream [" + name + "] already exists";
                channel.sendResponse(error(channel, RestStatus.BAD_REQUEST, "resource_already_exists_exception", reason));
                return;
            }
            ComposableIndexTemplate template = templateFor(name, state);
            if (template == null || template.getDataStreamTemplate() == null) {
                String reason = "no matching index template found for data stream [" + name + "]";
                channel.sendResponse(error(channel, RestStatus.BAD_REQUEST, "illegal_argument_exception", reason));
                return;
            }
            var created = new RestActionListener<CreateIndexResponse>(channel) {
                @Override
                protected void processResponse(CreateIndexResponse response) throws Exception {
                    channel.sendResponse(ok(channel));
                }
            };
            client.execute(AutoCreateAction.INSTANCE, new CreateIndexRequest(name), created);
        }

        private void remove(String name, RestChannel channel) throws Exception {
            if (missing(name, matching(name, cluster.state()), channel)) {
                return;
            }
            cluster.submitUnbatchedStateUpdateTask("delete-data-stream", new ClusterStateUpdateTask() {
                @Override
                public ClusterState execute(ClusterState state) throws Exception {
                    return delete(state, matching(name, state).values().stream().collect(Collectors.toSet()));
                }

                @Override
                public void onFailure(Exception failure) {
                    try {
                        channel.sendResponse(new RestResponse(channel, failure));
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                }

                @Override
                public void clusterStateProcessed(ClusterState before, ClusterState after) {
                    try {
                        channel.sendResponse(ok(channel));
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                }
            });
        }
    }
}
