import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.cluster.ClusterName;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginBundle;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One real Elasticsearch node (8.18 and later, or 9) for tests:  java -cp ... Launcher HOME PARENT
 *
 * It leaves out the official start, which refuses root and runs two more JVMs. HOME holds config/elasticsearch.yml,
 * config/log4j2.properties, modules and plugins; HOME/ready is written when the node serves. SIGTERM closes the node
 * cleanly; it dies with the process PARENT.
 */
public class Launcher {
    public static void main(String[] args) throws Exception {
        Path home = Path.of(args[0]).toAbsolutePath();
        ProcessHandle.of(Long.parseLong(args[1])).ifPresent(parent -> parent.onExit().thenRun(() -> Runtime.getRuntime().halt(1)));
        LogConfigurator.configureESLogging();
        LogConfigurator.registerErrorListener();
        Settings settings = Settings.builder().put("path.home", home.toString()).build();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), home.resolve("config"), () -> "node");
        LogConfigurator.setClusterName(ClusterName.CLUSTER_NAME_SETTING.get(environment.settings()).value());
        LogConfigurator.setNodeName(Node.NODE_NAME_SETTING.get(environment.settings()));
        LogConfigurator.configure(environment, true);
        Set<PluginBundle> modules = bundles("loadModulesBundles", home.resolve("modules"));
        Set<PluginBundle> plugins = bundles("loadPluginsBundles", home.resolve("plugins"));
        Node node = new Node(environment, PluginsLoader.createPluginsLoader(modules, plugins, Map.of(), false));
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node, closed)));
        node.start();
        Files.writeString(home.resolve("ready"), "");
        closed.await();
    }

    private static void close(Node node, CountDownLatch closed) {
        try {
            node.prepareForClose();
            node.close();
            node.awaitClose(10, TimeUnit.SECONDS);
        } catch (Exception e) {
            e.printStackTrace();
        }
        closed.countDown();
    }

    @SuppressWarnings("unchecked") // the method takes (Path) in 8, (Path, boolean stateless) in 9
    private static Set<PluginBundle> bundles(String name, Path folder) throws Exception {
        for (Method method : PluginsLoader.class.getMethods()) {
            if (method.getName().equals(name)) {
                return (Set<PluginBundle>) (method.getParameterCount() == 1 ? method.invoke(null, folder) : method.invoke(null, folder, false));
            }
        }
        throw new NoSuchMethodException(name);
    }
}
