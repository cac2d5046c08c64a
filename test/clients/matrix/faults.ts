// What a client does wrong or cannot do whoever the broker is: seen on Apache Kafka first, each with
// what is behind it. Such a cell is not run and says why. Differences of brokers are in gaps.md.

/** Reasons by client and scenario. */
export const FAULTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  platformatic: {
    'classic/frozen-commit': 'an expelled member joins again and repeats its commit by itself',
    'classic/static-restart': 'close() leaves the group even when the member is static',
    'classic/static-fence': 'a fenced static member takes its id back instead of failing',
    'consumer/static-restart': 'close() leaves the group even when the member is static',
    'transactions/abort':
      'it hides only one aborted transaction of a producer in a fetch and shows the others',
    'transactions/exactly-once':
      'it hides only one aborted transaction of a producer in a fetch and shows the others',
    'consumer/partitions-added': 'it throws while its metadata is older than its assignment',
    'consumer/topic-deleted': 'its stream fails when a topic is deleted',
    'admin/consumer-groups': 'it describes classic groups only',
  },
  kcat: {
    // Ottla takes it: test/security/scram.test.ts.
    'login/scram-sha-256': 'librdkafka 2.0.2 says its nonce twice, which Kafka refuses',
    'login/scram-sha-512': 'librdkafka 2.0.2 says its nonce twice, which Kafka refuses',
    'login/oauthbearer':
      'it makes unsigned tokens of its own only, and its librdkafka is built without OIDC',
  },
  'franz-go': {
    'consumer/static-restart':
      'its static member leaves with epoch -2 and without its instance id, which Kafka refuses',
  },
  'kafka-python-3': {
    'produce/too-large': 'after a batch was too large it fails the next one without sending it',
    'classic/static-fence': 'its poll hides that the member is fenced',
    'transactions/fence': 'a fenced producer takes a new epoch by itself and fences its heir',
  },
  'confluent-kafka': {
    'migration/rolling-cooperative-sticky':
      'its leader adds user data to assignments, which Kafka refuses to upgrade as a custom assignor',
  },
  'kafka-javascript': {
    'produce/nulls': 'it gives an empty key or value as null',
    'migration/rolling-cooperative-sticky':
      'its leader adds user data to assignments, which Kafka refuses to upgrade as a custom assignor',
  },
}
