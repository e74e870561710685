package paidonce.peer;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

/** One block cache and one budget of write buffers for all stores, bloom filters, LZ4. */
public final class RocksSettings implements RocksDBConfigSetter {
    static final String MEMORY_MIB = "peer.rocks.mib";

    private static final int BLOOM_BITS = 10;
    private static final long MEBIBYTE = 1L << 20;
    private static final long BLOCK_BYTES = 16L << 10;

    private static Cache cache;
    private static WriteBufferManager buffers;

    private static synchronized void share(long mebibytes) {
        if (cache == null) {
            cache = new LRUCache(mebibytes * MEBIBYTE);
            buffers = new WriteBufferManager(mebibytes * MEBIBYTE / 2, cache);
        }
    }

    @Override
    public void setConfig(String store, Options options, Map<String, Object> configs) {
        share(Long.parseLong(configs.get(MEMORY_MIB).toString()));
        BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
        table.setBlockCache(cache);
        table.setBlockSize(BLOCK_BYTES);
        table.setFilterPolicy(new BloomFilter(BLOOM_BITS, false));
        table.setCacheIndexAndFilterBlocks(true);
        table.setPinTopLevelIndexAndFilter(true);
        options.setTableFormatConfig(table);
        options.setWriteBufferManager(buffers);
        options.setWriteBufferSize(64 * MEBIBYTE);
        options.setMaxWriteBufferNumber(3);
        options.setCompressionType(CompressionType.LZ4_COMPRESSION);
    }

    @Override
    public void close(String store, Options options) {
        // Cache and buffers belong to all stores and live as long as the process.
    }
}
