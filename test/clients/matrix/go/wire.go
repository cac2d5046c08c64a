package main

import (
	"encoding/json"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The protocol's shapes; encoding/json has []byte as base64 and nil as null, as the protocol wants.

type partition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
}

type partitionOffset struct {
	partition
	Offset int64 `json:"offset"`
}

// maybeOffset: nil means that none is known.
type maybeOffset struct {
	partition
	Offset *int64 `json:"offset"`
}

type offsets[T any] struct {
	Offsets []T `json:"offsets"`
}

// header is `[name, base64 or null]`.
type header kgo.RecordHeader

func (h header) MarshalJSON() ([]byte, error) { return json.Marshal([2]any{h.Key, h.Value}) }

func (h *header) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[2]any{&h.Key, &h.Value})
}

type event struct {
	Type       string      `json:"type"`
	Partitions []partition `json:"partitions"`
}

func decode[T any](body []byte) (T, error) {
	var value T
	err := json.Unmarshal(body, &value)
	return value, err
}

func listed(partitions map[string][]int32) []partition {
	all := []partition{}
	for topic, numbers := range partitions {
		for _, number := range numbers {
			all = append(all, partition{topic, number})
		}
	}
	return all
}

func byTopic(partitions []partition) map[string][]int32 {
	all := map[string][]int32{}
	for _, each := range partitions {
		all[each.Topic] = append(all[each.Topic], each.Partition)
	}
	return all
}

func epochOffsets(all []partitionOffset) map[string]map[int32]kgo.EpochOffset {
	found := map[string]map[int32]kgo.EpochOffset{}
	for _, each := range all {
		if found[each.Topic] == nil {
			found[each.Topic] = map[int32]kgo.EpochOffset{}
		}
		found[each.Topic][each.Partition] = kgo.EpochOffset{Epoch: -1, Offset: each.Offset}
	}
	return found
}
