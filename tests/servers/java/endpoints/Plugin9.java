package endpoints;

import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.ComposableIndexTemplate;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.MetadataDataStreamsService;
import org.elasticsearch.cluster.metadata.MetadataIndexTemplateService;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.rest.RestHandler;

/** The endpoints on Elasticsearch 9, whose metadata are kept by project. */
public class Plugin9 extends Endpoints implements ActionPlugin {
    @Override
    public Collection<RestHandler> getRestHandlers(RestHandlersServices services, Supplier<DiscoveryNodes> nodes, Predicate<NodeFeature> features) {
        return handlers();
    }

    @Override
    Map<String, DataStream> dataStreams(ClusterState state) {
        return project(state).dataStreams();
    }

    @Override
    ClusterState delete(ClusterState state, Set<DataStream> streams) {
        return MetadataDataStreamsService.deleteDataStreams(state.projectState(ProjectId.DEFAULT), streams, Settings.EMPTY);
    }

    @Override
    ComposableIndexTemplate templateFor(String stream, ClusterState state) {
        String name = MetadataIndexTemplateService.findV2Template(project(state), stream, false);
        return name == null ? null : project(state).templatesV2().get(name);
    }

    private static ProjectMetadata project(ClusterState state) {
        return state.metadata().getDefaultProject();
    }
}
