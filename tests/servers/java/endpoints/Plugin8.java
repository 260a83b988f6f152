package endpoints;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.ComposableIndexTemplate;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.MetadataDataStreamsService;
import org.elasticsearch.cluster.metadata.MetadataIndexTemplateService;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.core.CheckedFunction;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.AbstractTokenizerFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xpack.core.ilm.AllocateAction;
import org.elasticsearch.xpack.core.ilm.DeleteAction;
import org.elasticsearch.xpack.core.ilm.ForceMergeAction;
import org.elasticsearch.xpack.core.ilm.LifecycleAction;
import org.elasticsearch.xpack.core.ilm.LifecyclePolicy;
import org.elasticsearch.xpack.core.ilm.LifecycleType;
import org.elasticsearch.xpack.core.ilm.MigrateAction;
import org.elasticsearch.xpack.core.ilm.ReadOnlyAction;
import org.elasticsearch.xpack.core.ilm.RolloverAction;
import org.elasticsearch.xpack.core.ilm.SearchableSnapshotAction;
import org.elasticsearch.xpack.core.ilm.SetPriorityAction;
import org.elasticsearch.xpack.core.ilm.ShrinkAction;
import org.elasticsearch.xpack.core.ilm.TimeseriesLifecycleType;
import org.elasticsearch.xpack.core.ilm.UnfollowAction;
import org.elasticsearch.xpack.core.ilm.WaitForSnapshotAction;

/**
 * The endpoints on Elasticsearch 8; also _ilm/policy, parsed and validated by x-pack-core's own classes, but only kept in
 * memory and never executed, and the three parts of analysis that the .security index needs, so that API keys can be made.
 */
public class Plugin8 extends Endpoints implements ActionPlugin, AnalysisPlugin {
    @Override
    public Collection<RestHandler> getRestHandlers(
        Settings settings,
        NamedWriteableRegistry registry,
        RestController controller,
        ClusterSettings clusterSettings,
        IndexScopedSettings indexSettings,
        SettingsFilter filter,
        IndexNameExpressionResolver resolver,
        Supplier<DiscoveryNodes> nodes,
        Predicate<NodeFeature> features
    ) {
        List<RestHandler> all = new ArrayList<>(handlers());
        all.add(new Policies());
        return all;
    }

    @Override
    Map<String, DataStream> dataStreams(ClusterState state) {
        return state.metadata().dataStreams();
    }

    @Override
    ClusterState delete(ClusterState state, Set<DataStream> streams) {
        return MetadataDataStreamsService.deleteDataStreams(state, streams, Settings.EMPTY);
    }

    @Override
    ComposableIndexTemplate templateFor(String stream, ClusterState state) {
        String name = MetadataIndexTemplateService.findV2Template(state.metadata(), stream, false);
        return name == null ? null : state.metadata().templatesV2().get(name);
    }

    private static NamedXContentRegistry.Entry action(String name, CheckedFunction<XContentParser, LifecycleAction, IOException> parse) {
        return new NamedXContentRegistry.Entry(LifecycleAction.class, new ParseField(name), parse);
    }

    private static final NamedXContentRegistry LIFECYCLE = new NamedXContentRegistry(
        List.of(
            new NamedXContentRegistry.Entry(
                LifecycleType.class,
                new ParseField(TimeseriesLifecycleType.TYPE),
                (parser) -> TimeseriesLifecycleType.INSTANCE
            ),
            action(RolloverAction.NAME, RolloverAction::parse),
            action(DeleteAction.NAME, DeleteAction::parse),
            action(ForceMergeAction.NAME, ForceMergeAction::parse),
            action(ShrinkAction.NAME, ShrinkAction::parse),
            action(ReadOnlyAction.NAME, ReadOnlyAction::parse),
            action(SetPriorityAction.NAME, SetPriorityAction::parse),
            action(AllocateAction.NAME, AllocateAction::parse),
            action(MigrateAction.NAME, MigrateAction::parse),
            action(WaitForSnapshotAction.NAME, WaitForSnapshotAction::parse),
            action(UnfollowAction.NAME, UnfollowAction::parse),
            action(SearchableSnapshotAction.NAME, SearchableSnapshotAction::parse)
        )
    );

    private static final class Policies extends BaseRestHandler {
        private final Map<String, LifecyclePolicy> policies = new ConcurrentSkipListMap<>();

        @Override
        public String getName() {
            return "test_ilm";
        }

        @Override
        public List<Route> routes() {
            return List.of(
                new Route(RestRequest.Method.PUT, "/_ilm/policy/{name}"),
                new Route(RestRequest.Method.GET, "/_ilm/policy"),
                new Route(RestRequest.Method.GET, "/_ilm/policy/{name}"),
                new Route(RestRequest.Method.DELETE, "/_ilm/policy/{name}")
            );
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) throws IOException {
            String name = request.param("name");
            RestRequest.Method method = request.method();
            if (method == RestRequest.Method.PUT) {
                policies.put(name, parsed(name, request));
            }
            LifecyclePolicy found = name == null ? null : method == RestRequest.Method.DELETE ? policies.remove(name) : policies.get(name);
            return channel -> {
                if (name != null && found == null) {
                    channel.sendResponse(new RestResponse(channel, new ResourceNotFoundException("Lifecycle policy not found: {}", name)));
                    return;
                }
                XContentBuilder answer = channel.newBuilder().startObject();
                if (method != RestRequest.Method.GET) {
                    answer.field("acknowledged", true);
                } else {
                    for (LifecyclePolicy policy : name == null ? policies.values() : List.of(found)) {
                        answer.startObject(policy.getName()).field("version", 1).field("policy", policy).endObject();
                    }
                }
                channel.sendResponse(new RestResponse(RestStatus.OK, answer.endObject()));
            };
        }

        private static LifecyclePolicy parsed(String name, RestRequest request) throws IOException {
            XContentParserConfiguration configuration = XContentParserConfiguration.EMPTY.withRegistry(LIFECYCLE);
            try (var parser = XContentHelper.createParser(configuration, request.requiredContent(), request.getXContentType())) {
                parser.nextToken();
                if (parser.nextToken() != XContentParser.Token.FIELD_NAME || parser.currentName().equals("policy") == false) {
                    throw new IllegalArgumentException("expected [policy]");
                }
                LifecyclePolicy.validatePolicyName(name);
                parser.nextToken();
                LifecyclePolicy policy = LifecyclePolicy.parse(parser, name);
                TimeseriesLifecycleType.INSTANCE.validate(policy.getPhases().values());
                return policy;
            }
        }
    }

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of("pattern_capture", (index, environment, name, settings) -> new AbstractTokenFilterFactory(name, settings) {
            @Override
            public TokenStream create(TokenStream input) {
                Pattern[] patterns = settings.getAsList("patterns").stream().map(Pattern::compile).toArray(Pattern[]::new);
                return new PatternCaptureGroupTokenFilter(input, settings.getAsBoolean("preserve_original", true), patterns);
            }
        }, "unique", (index, environment, name, settings) -> new AbstractTokenFilterFactory(name, settings) {
            @Override
            public TokenStream create(TokenStream input) {
                return new RemoveDuplicatesTokenFilter(input);
            }
        });
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of("uax_url_email", (index, environment, name, settings) -> new AbstractTokenizerFactory(index, settings, name) {
            @Override
            public Tokenizer create() {
                return new UAX29URLEmailTokenizer();
            }
        });
    }
}
