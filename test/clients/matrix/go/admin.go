package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// admin answers the admin verbs by kadm; group configurations, which kadm has not, by kmsg.
type admin struct {
	kafka  *kgo.Client
	client *kadm.Client
}

func openAdmin(o opening) (handle, error) {
	client, err := kgo.NewClient(common(o)...)
	if err != nil {
		return nil, err
	}
	return &admin{client, kadm.NewClient(client)}, nil
}

func (a *admin) close() error {
	a.client.Close()
	return nil
}

// asking is every field an admin verb may carry but the topics, which are names or objects.
type asking struct {
	Group        string            `json:"group"`
	Groups       []string          `json:"groups"`
	Partitions   []partition       `json:"partitions"`
	Offsets      []partitionOffset `json:"offsets"`
	ValidateOnly bool              `json:"validateOnly"`
	Resources    []resource        `json:"resources"`
}

type resource struct {
	Type   string            `json:"type"`
	Name   string            `json:"name"`
	Set    map[string]string `json:"set"`
	Delete []string          `json:"delete"`
}

func (a *admin) do(verb string, body []byte) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callWithin)
	defer cancel()
	q, err := decode[asking](body)
	if err != nil {
		return nil, err
	}
	switch verb {
	case "createTopics":
		return none{}, a.createTopics(ctx, body, q.ValidateOnly)
	case "createPartitions":
		return none{}, a.createPartitions(ctx, body)
	case "deleteTopics", "describeTopics":
		names, err := decode[struct {
			Topics []string `json:"topics"`
		}](body)
		if err != nil {
			return nil, err
		}
		if verb == "describeTopics" {
			return a.describeTopics(ctx, names.Topics)
		}
		return none{}, first(a.client.DeleteTopics(ctx, names.Topics...))
	case "listGroups":
		return a.listGroups(ctx)
	case "describeGroups":
		return a.describeGroups(ctx, q.Groups)
	case "deleteGroups":
		return none{}, first(a.client.DeleteGroups(ctx, q.Groups...))
	case "listOffsets":
		return a.listOffsets(ctx, q.Group)
	case "deleteOffsets":
		set := kadm.TopicsSet{}
		for _, each := range q.Partitions {
			set.Add(each.Topic, each.Partition)
		}
		return none{}, first(a.client.DeleteOffsets(ctx, q.Group, set))
	case "describeConfigs":
		return a.describeConfigs(ctx, q.Resources)
	case "alterConfigs":
		return none{}, a.alterConfigs(ctx, q.Resources)
	case "deleteRecords":
		return a.deleteRecords(ctx, q.Offsets)
	}
	return nil, unsupported("admin.%s", verb)
}

// first is the error of a call or the first one in its answer.
func first[T interface{ Error() error }](answer T, err error) error {
	if err != nil {
		return err
	}
	return answer.Error()
}

func (a *admin) createTopics(ctx context.Context, body []byte, validate bool) error {
	q, err := decode[struct {
		Topics []struct {
			Name              string             `json:"name"`
			Partitions        *int32             `json:"partitions"`
			ReplicationFactor *int16             `json:"replicationFactor"`
			Configs           map[string]*string `json:"configs"`
		} `json:"topics"`
	}](body)
	if err != nil {
		return err
	}
	create := a.client.CreateTopics
	if validate {
		create = a.client.ValidateCreateTopics
	}
	for _, each := range q.Topics {
		partitions, replication := int32(-1), int16(-1)
		if each.Partitions != nil {
			partitions = *each.Partitions
		}
		if each.ReplicationFactor != nil {
			replication = *each.ReplicationFactor
		}
		if err := first(create(ctx, partitions, replication, each.Configs, each.Name)); err != nil {
			return err
		}
	}
	return nil
}

func (a *admin) createPartitions(ctx context.Context, body []byte) error {
	q, err := decode[struct {
		Topics []struct {
			Name       string `json:"name"`
			Partitions int    `json:"partitions"`
		} `json:"topics"`
	}](body)
	if err != nil {
		return err
	}
	for _, each := range q.Topics {
		if err := first(a.client.UpdatePartitions(ctx, each.Partitions, each.Name)); err != nil {
			return err
		}
	}
	return nil
}

func (a *admin) describeTopics(ctx context.Context, names []string) (any, error) {
	found, err := a.client.ListTopics(ctx, names...)
	if err != nil {
		return nil, err
	}
	topics := []any{}
	for _, name := range names {
		topic := found[name]
		if topic.Err != nil {
			return nil, topic.Err
		}
		partitions := []any{}
		for _, each := range topic.Partitions.Sorted() {
			partitions = append(partitions, map[string]any{
				"partition": each.Partition, "leader": each.Leader, "replicas": each.Replicas, "isr": each.ISR,
			})
		}
		topics = append(topics, map[string]any{"name": name, "partitions": partitions})
	}
	return map[string]any{"topics": topics}, nil
}

func (a *admin) listGroups(ctx context.Context) (any, error) {
	found, err := a.client.ListGroups(ctx)
	if err != nil {
		return nil, err
	}
	groups := []any{}
	for _, each := range found.Sorted() {
		groups = append(groups, map[string]any{"group": each.Group, "state": each.State, "type": each.GroupType})
	}
	return map[string]any{"groups": groups}, nil
}

// describeGroups asks as Kafka's own admin client does: for a consumer group, and then for a classic one.
func (a *admin) describeGroups(ctx context.Context, names []string) (any, error) {
	groups := []any{}
	for _, name := range names {
		group, err := a.describeConsumer(ctx, name)
		if errors.Is(err, kerr.GroupIDNotFound) || errors.Is(err, kerr.UnsupportedVersion) {
			group, err = a.describeClassic(ctx, name)
		}
		if err != nil {
			return nil, err
		}
		groups = append(groups, group)
	}
	return map[string]any{"groups": groups}, nil
}

func (a *admin) describeConsumer(ctx context.Context, name string) (any, error) {
	found, err := a.client.DescribeConsumerGroups(ctx, name)
	if err != nil {
		return nil, err
	}
	group := found[name]
	if group.Err != nil {
		return nil, group.Err
	}
	members := []any{}
	for _, each := range group.Members {
		members = append(members, member(each.MemberID, each.InstanceID, each.ClientID, setOf(each.Assignment)))
	}
	return described(name, group.State, "consumer", members), nil
}

func (a *admin) describeClassic(ctx context.Context, name string) (any, error) {
	found, err := a.client.DescribeGroups(ctx, name)
	if err != nil {
		return nil, err
	}
	group := found[name]
	if group.Err != nil {
		return nil, group.Err
	}
	members := []any{}
	for _, each := range group.Members {
		assigned := []partition{}
		if parsed, ok := each.Assigned.AsConsumer(); ok {
			for _, topic := range parsed.Topics {
				for _, number := range topic.Partitions {
					assigned = append(assigned, partition{topic.Topic, number})
				}
			}
		}
		members = append(members, member(each.MemberID, each.InstanceID, each.ClientID, assigned))
	}
	return described(name, group.State, "classic", members), nil
}

func described(name, state, kind string, members []any) any {
	return map[string]any{"group": name, "state": state, "type": kind, "members": members}
}

func member(id string, instance *string, client string, assigned []partition) any {
	return map[string]any{"memberId": id, "instanceId": instance, "clientId": client, "assignment": assigned}
}

func setOf(set kadm.TopicsSet) []partition {
	all := []partition{}
	for _, topic := range set.Sorted() {
		for _, number := range topic.Partitions {
			all = append(all, partition{topic.Topic, number})
		}
	}
	return all
}

func (a *admin) listOffsets(ctx context.Context, group string) (any, error) {
	found, err := a.client.FetchOffsets(ctx, group)
	if err != nil {
		return nil, err
	}
	all := []partitionOffset{}
	for _, each := range found.Sorted() {
		if each.Err != nil {
			return nil, each.Err
		}
		all = append(all, partitionOffset{partition{each.Topic, each.Partition}, each.At})
	}
	return offsets[partitionOffset]{all}, nil
}

var kinds = map[string]kmsg.ConfigResourceType{
	"topic":  kmsg.ConfigResourceTypeTopic,
	"broker": kmsg.ConfigResourceTypeBroker,
	"group":  kmsg.ConfigResourceTypeGroupConfig,
}

func (a *admin) describeConfigs(ctx context.Context, asked []resource) (any, error) {
	resources := []any{}
	for _, each := range asked {
		request := kmsg.NewPtrDescribeConfigsRequest()
		wanted := kmsg.NewDescribeConfigsRequestResource()
		wanted.ResourceType, wanted.ResourceName = kinds[each.Type], each.Name
		request.Resources = append(request.Resources, wanted)
		answer, err := request.RequestWith(ctx, a.requester(each))
		if err != nil {
			return nil, err
		}
		for _, found := range answer.Resources {
			if err := kerr.ErrorForCode(found.ErrorCode); err != nil {
				return nil, err
			}
			configs := map[string]*string{}
			for _, config := range found.Configs {
				configs[config.Name] = config.Value
			}
			resources = append(resources, map[string]any{"type": each.Type, "name": each.Name, "configs": configs})
		}
	}
	return map[string]any{"resources": resources}, nil
}

func (a *admin) alterConfigs(ctx context.Context, changes []resource) error {
	for _, each := range changes {
		request := kmsg.NewPtrIncrementalAlterConfigsRequest()
		change := kmsg.NewIncrementalAlterConfigsRequestResource()
		change.ResourceType, change.ResourceName = kinds[each.Type], each.Name
		for name, value := range each.Set {
			set := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			set.Name, set.Op, set.Value = name, kmsg.IncrementalAlterConfigOpSet, &value
			change.Configs = append(change.Configs, set)
		}
		for _, name := range each.Delete {
			unset := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			unset.Name, unset.Op = name, kmsg.IncrementalAlterConfigOpDelete
			change.Configs = append(change.Configs, unset)
		}
		request.Resources = append(request.Resources, change)
		answer, err := request.RequestWith(ctx, a.requester(each))
		if err != nil {
			return err
		}
		for _, done := range answer.Resources {
			if err := kerr.ErrorForCode(done.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}

// requester sends what concerns a broker to that broker.
func (a *admin) requester(r resource) kmsg.Requestor {
	if id, err := strconv.Atoi(r.Name); err == nil && r.Type == "broker" {
		return a.kafka.Broker(id)
	}
	return a.kafka
}

func (a *admin) deleteRecords(ctx context.Context, before []partitionOffset) (any, error) {
	wanted := kadm.Offsets{}
	for _, each := range before {
		wanted.AddOffset(each.Topic, each.Partition, each.Offset, -1)
	}
	done, err := a.client.DeleteRecords(ctx, wanted)
	if err := first(done, err); err != nil {
		return nil, err
	}
	all := []partitionOffset{}
	for _, each := range done.Sorted() {
		all = append(all, partitionOffset{partition{each.Topic, each.Partition}, each.LowWatermark})
	}
	return offsets[partitionOffset]{all}, nil
}
