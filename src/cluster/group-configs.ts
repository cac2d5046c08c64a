// What a group's configurations come to and which are refused, in the order and words of Kafka 4.1.1's
// GroupConfig. Not which exist: core/group-configs.ts.

import { parseConfig } from '../core/config-values.ts'
import { type BrokerLayers, brokerValue, type Checked, type ConfigMap } from '../core/configs.ts'
import {
  type Bound,
  GROUP_CONFIGS_IN_ORDER,
  type GroupConfig,
  groupConfig,
} from '../core/group-configs.ts'

const SHARE_RESETS =
  /^(earliest|latest|by_duration:\+?P(?=\d|T\d)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?)$/

/** The value of a group configuration: the group's own, the broker's or the default. */
export function groupValue(config: GroupConfig, own: ConfigMap, layers: BrokerLayers): string {
  return own[config.name] ?? brokerValue(config.broker, layers) ?? config.default ?? ''
}

/** Checks a group's own configurations together, in Kafka's order. An error is INVALID_CONFIG. */
export function checkGroupConfigs(own: ConfigMap, layers: BrokerLayers): Checked {
  const configs: Record<string, string> = {}
  for (const [name, value] of Object.entries(own)) {
    const config = groupConfig(name)
    if (config === undefined) return { error: `Unknown group config name: ${name}` }
    const parsed = parseConfig(config, value)
    if ('error' in parsed) return parsed
    if (name === 'share.auto.offset.reset' && !SHARE_RESETS.test(parsed.value)) {
      return { error: resetFault(name, parsed.value) }
    }
    configs[name] = parsed.value
  }
  const number = (config: GroupConfig) => Number(groupValue(config, configs, layers))
  for (const config of GROUP_CONFIGS_IN_ORDER) {
    const error = boundFault(config, number(config), layers)
    if (error !== null) return { error }
  }
  for (const type of ['consumer', 'share', 'streams']) {
    const session = groupConfig(`${type}.session.timeout.ms`)
    const heartbeat = groupConfig(`${type}.heartbeat.interval.ms`)
    if (session === undefined || heartbeat === undefined) continue
    if (number(session) <= number(heartbeat)) {
      return { error: `${session.name} must be greater than ${heartbeat.name}` }
    }
  }
  return { configs }
}

function boundFault(
  { name, min, max }: GroupConfig,
  value: number,
  layers: BrokerLayers,
): string | null {
  const at = (bound: Bound) => bound.value ?? Number(brokerValue(bound.name, layers))
  if (min !== undefined && value < at(min)) {
    return `${name} must be greater than or equal to ${min.name}`
  }
  return max !== undefined && value > at(max)
    ? `${name} must be less than or equal to ${max.name}`
    : null
}

function resetFault(name: string, value: string): string {
  const invalid = `Invalid value \`${value}\` for configuration ${name}.`
  return `Invalid value ${value} for configuration ${name}: ${invalid} The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.`
}
