// What may be done with a group: READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS. There is no
// authorizer yet, so everything that a group supports is allowed.

/** A bit per operation, as DescribeGroups and ConsumerGroupDescribe show it. */
export const GROUP_OPERATIONS = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11)
