// Made by docs/make.py; edit the wire types instead.
export interface AddSource {
  path: string;
  app: string;
  key?: string | null;
}
export interface Agreements {
  exact: Share;
  normalised: Share;
  similarity: Spread;
}
export interface AnswerShown {
  model: string;
  text: string;
  error: string | null;
  checks: Array<CheckResult>;
  latency_s: number;
}
export interface ApiRange {
  min: number;
  max: number;
}
export interface AppliedUpdates {
  applied: Array<Update>;
  refused: Array<RefusedUpdate>;
}
export interface ApplyUpdates {
  ids?: Array<string> | null;
  switch?: "next_load" | "now";
  force?: boolean;
  dry_run?: boolean;
  trial?: boolean | null;
}
export interface Architecture {
  family: string | null;
  n_layers: number | null;
  n_heads: number | null;
  n_kv_heads: number | Array<number> | null;
  head_dim_k: number | null;
  head_dim_v: number | null;
  hidden_size: number | null;
  feed_forward_size: number | null;
  vocab_size: number | null;
  context_length: number | null;
  attention: string | null;
  sliding_window: number | null;
  n_sliding_layers: number | null;
  sliding_layers: Array<number> | null;
  head_dim_k_sliding: number | null;
  head_dim_v_sliding: number | null;
  n_kv_shared_layers: number | null;
  n_experts: number | null;
  n_experts_used: number | null;
  kv_bytes_per_token_f16: number | null;
  state_bytes_per_slot: number | null;
}
export interface Artifact {
  id: string;
  model: string;
  version: number;
  option: string;
  format: string;
  quantization: string | null;
  source: string;
  state: ArtifactState;
  size_bytes: number;
  digest: string | null;
  files: Array<ArtifactFile>;
  verified_at: string | null;
  installed_at: string;
  active: boolean;
  loaded_by: Array<string>;
  withdrawn: string | null;
  managed: string | null;
}
export interface ArtifactFile {
  name: string;
  role: string;
  size_bytes: number;
  sha256: string | null;
  verified_at: string | null;
  damaged: Array<Array<any>>;
  outside: boolean;
  where: string | null;
}
export type ArtifactState = "damaged" | "missing" | "offline" | "ok";
export interface AsOf {
  source: string;
  revision: string;
  synced_at: string | null;
  stale: boolean;
}
export interface Assumes {
  ctx: number;
  kv_type: string;
}
export interface Audit {
  rules: Array<AuditRule>;
  allowed: boolean;
  contents: number;
}
export interface AuditAlarm {
  code: string;
  detail: string;
  at: string;
}
export interface AuditRule {
  keep: "preview" | "whole";
  node?: string | null;
  app?: string | null;
  model?: string | null;
  max_age_days?: number;
}
export interface AuditWitness {
  size: number;
  root_hash: string;
  alarm: AuditAlarm | null;
}
export interface BlindPair {
  pair: number;
  question: string;
  first: string;
  second: string;
  left: number;
}
export interface CatalogFault {
  file: string;
  pointer: string;
  reason: string;
}
export interface CatalogInfo {
  source: string;
  revision: string;
  models: number;
  local_entries: number;
  faults: Array<CatalogFault>;
  synced_at: string | null;
  expires_at: string | null;
  stale: boolean;
  stale_since: string | null;
  registry: string | null;
  published_at: string | null;
  checked_at: string | null;
  last_error: SyncError | null;
  audit: AuditWitness | null;
  clock_ahead_s: number | null;
}
export interface CatalogPage {
  items: Array<ModelSummary>;
  next: string | null;
  total: number;
  facets: { [name: string]: Array<FacetValue> };
}
export interface ChangeDownload {
  priority?: number | null;
  position?: number | null;
  max_bytes_per_s?: number | null;
}
export interface ChangeLimits {
  max_active?: number;
  max_bytes_per_s?: number | null;
  connections?: number;
  schedule?: string | null;
}
export interface ChangePolicy {
  require_verified?: boolean | null;
  require_signature?: boolean | null;
  require_digest?: boolean | null;
  allowed_publishers?: Array<string> | null;
  local_entries?: boolean | null;
  direct_urls?: boolean | null;
  offline?: boolean | null;
  report_installs?: boolean | null;
}
export type CheckOutcome = "error" | "fail" | "pass";
export interface CheckRates {
  check: string;
  active: Share;
  candidate: Share;
  comparison: Comparison;
}
export interface CheckResult {
  name: string;
  outcome: CheckOutcome;
  detail: string;
}
export interface Comparison {
  figure: string;
  kind: "difference" | "ratio" | "wins";
  wanted: "higher" | "lower";
  pairs: number;
  first: number | null;
  second: number | null;
  ties: number;
  estimate: number | null;
  interval: Interval | null;
  verdict: Word;
  error: number;
  p_value: number | null;
  stated: number | null;
  needed: number | null;
}
export interface ConfigAnswer {
  values: { [name: string]: ConfigValue };
}
export interface ConfigValue {
  value: string | number | number | boolean | Array<string> | null;
  source: string;
  locked: boolean;
}
export interface Content {
  keep: "preview" | "whole";
  request: string | null;
  answer: string | null;
  too_long: boolean;
  expires_at: string;
}
export interface Counters {
  downloads: number;
  stars: number;
}
export interface CreateBundle {
  path: string;
  models: Array<string>;
  name?: string | null;
  link?: boolean;
  with_catalog?: boolean;
}
export interface CreateDownload {
  model?: string | null;
  source?: string | null;
  version?: number | null;
  option?: string | null;
  priority?: number;
  force?: boolean;
  max_bytes_per_s?: number | null;
}
export interface CreateEvaluation {
  set: string;
  models: Array<string>;
  checks?: string | null;
  seed?: number;
  sampling?: Sampling;
  load?: LoadSettings;
  name?: string | null;
  evict?: boolean;
}
export interface Device {
  os: string;
  os_version: string;
  arch: string;
  cpu_model: string | null;
  cpu_cores: number;
  cpu_threads: number;
  cpu_features: Array<string>;
  ram_total_bytes: number;
  ram_available_bytes: number;
  models_dir: string;
  models_dir_present: boolean;
  disk_total_bytes: number | null;
  disk_free_bytes: number | null;
  reserve_bytes: number;
  gpus: Array<Gpu>;
  llama_servers: Array<LlamaBuild>;
}
export interface DeviceShare {
  id: string;
  name: string;
  needed_bytes: number;
  free_bytes: number;
  total_bytes: number;
  fits: boolean;
}
export interface Doubled {
  sha256: string;
  size_bytes: number;
  places: Array<string>;
  wasted_bytes: number;
}
export interface Download {
  id: string;
  model: string;
  version: number;
  option: string;
  state: DownloadState;
  progress: Progress;
  priority: number;
  position: number;
  attempts: number;
  next_retry_at: string | null;
  error: DownloadError | null;
  created_at: string;
  updated_at: string;
  files: Array<DownloadFile>;
  max_bytes_per_s: number | null;
  held_bytes: number;
}
export interface DownloadError {
  code: string;
  detail: string;
}
export interface DownloadFile {
  name: string;
  size_bytes: number | null;
  sha256: string | null;
  done_bytes: number;
}
export interface DownloadLimits {
  max_active: number;
  max_bytes_per_s: number | null;
  connections: number;
  schedule: string | null;
  held_until: string | null;
  sources: { [name: string]: string };
  fixed: Array<string>;
}
export type DownloadState = "active" | "cancelled" | "completed" | "failed" | "installing" | "paused" | "queued" | "verifying" | "waiting";
export interface EffectiveSetting {
  value: number | string | boolean | null;
  origin: string;
}
export interface Estimate {
  weights_bytes: number;
  kv_bytes: number;
  compute_bytes: number;
  overhead_bytes: number;
  total_bytes: number;
  available_bytes: number;
  fits: boolean;
  reason: string;
  ctx: number;
  basis: string;
  devices: Array<DeviceShare>;
  evicts: Array<string>;
  settings: { [name: string]: EffectiveSetting };
  notes: Array<string>;
}
export interface EstimateRequest {
  settings?: LoadSettings;
}
export interface EvaluatedModel {
  asked: string;
  library_id: string;
  model: string;
  version: number;
  option: string;
  digest: string | null;
  answered: number;
  errors: number;
  builds: Array<string>;
  settings: { [name: string]: EffectiveSetting };
}
export interface Evaluation {
  id: string;
  name: string | null;
  state: EvaluationState;
  models: Array<EvaluatedModel>;
  questions: number;
  checks: Array<string>;
  seed: number;
  sampling: Sampling;
  load: LoadSettings;
  evict: boolean;
  set_digest: string;
  checks_digest: string | null;
  error: EvaluationError | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
}
export interface EvaluationError {
  code: string;
  detail: string;
}
export interface EvaluationReport {
  evaluation: Evaluation;
  daemon: string;
  machine: string;
  models: Array<ModelFigures>;
  pairs: Array<ModelPair>;
  questions: Array<QuestionShown>;
}
export type EvaluationState = "cancelled" | "completed" | "failed" | "queued" | "running";
export interface Evidence {
  pairs: number;
  answered: Share;
  exact: Share;
  normalised: Share;
  tool_calls: Share;
  similarity: number | null;
  similarity_interval: Interval | null;
  similarity_pairs: number;
  figures: Array<Comparison>;
  checks: Array<CheckRates>;
  marks: Marks;
  preference: Comparison | null;
  words: Array<string>;
}
export interface ExportPreview {
  id: string;
  text: string;
  whole: boolean;
  size_bytes: number;
  sha256: string;
  groups: number;
  rows: number;
  merged: number;
  left_out: boolean;
  fields: Array<string>;
}
export interface ExportRequest {
  since?: string | null;
  until?: string | null;
  k?: number;
  rows?: boolean;
  name_models?: boolean;
}
export interface Exported {
  name: string;
  size_bytes: number;
  sha256: string;
}
export interface FacetValue {
  value: string;
  count: number;
}
export interface Feedback {
  mark?: "bad" | "good" | null;
  reason?: "format" | "other" | "slow" | "unsafe" | "wrong" | null;
}
export interface FieldError {
  pointer: string;
  detail: string;
}
export interface FirstRun {
  items: Array<FirstRunItem>;
}
export interface FirstRunItem {
  model: string;
  declared_by: string;
  state: FirstRunState;
  detail: string | null;
  download_id: string | null;
}
export type FirstRunState = "done" | "enqueued" | "held" | "pending" | "skipped";
export interface FirstRunSummary {
  waiting: number;
  enqueued: number;
  done: number;
  skipped: number;
}
export interface Fit {
  verdict: Verdict;
  reason: string;
  needed_bytes: number | null;
  available_bytes: number | null;
  assumes: Assumes | null;
}
export type Format = "gguf" | "mlx" | "safetensors";
export interface FoundAnswer {
  items: Array<FoundModel>;
  tools: Array<FoundTool>;
  doubled: Array<Doubled>;
  wasted_bytes: number;
  looked_at: string;
}
export interface FoundFile {
  name: string;
  size_bytes: number;
  sha256: string | null;
}
export interface FoundModel {
  id: string;
  tool: string;
  name: string;
  where: string;
  format: string;
  size_bytes: number;
  files: Array<FoundFile>;
  model: string | null;
  library_id: string | null;
  shared: boolean;
  modes: Array<ImportMode>;
}
export interface FoundTool {
  tool: string;
  where: string;
  models: number;
  fault: string | null;
}
export interface Gap {
  since: string;
  until: string;
  requests: number;
  reason: "not_written" | "queue_full" | "set_aside";
}
export interface Gpu {
  id: string;
  name: string;
  total_bytes: number;
  free_bytes: number;
  unified: boolean;
}
export interface Group {
  key: string | null;
  totals: Totals;
}
export interface Hardware {
  min_ram_bytes: number | null;
  recommended_ram_bytes: number | null;
  os: Array<string>;
  arch: Array<string>;
}
export interface Health {
  status: string;
}
export interface HeldBack {
  code: string;
  by: string;
  source: string | null;
  detail: string;
}
export type ImportMode = "copy" | "link" | "move" | "reference";
export interface ImportRequest {
  path?: string | null;
  found?: string | null;
  mode?: ImportMode;
  model?: string | null;
  option?: string | null;
}
export interface Interval {
  low: number;
  high: number;
  level: number;
}
export interface Job {
  id: string;
  kind: string;
  state: JobState;
  waiting: boolean;
  model: string | null;
  library_id: string | null;
  progress: JobProgress;
  error: JobError | null;
  result: any;
  created_at: string;
  ended_at: string | null;
}
export interface JobError {
  code: string;
  detail: string;
}
export interface JobProgress {
  done_bytes: number;
  total_bytes: number | null;
  done_files: number;
  total_files: number | null;
}
export type JobState = "cancelled" | "completed" | "failed" | "running";
export interface JudgedOption {
  id: string;
  format: Format;
  quantization: string | null;
  quantizer: string | null;
  size_bytes: number | null;
  files: Array<OptionFile>;
  digest: string | null;
  unverified: boolean;
  installed: boolean;
  fit: Fit;
  allowed: boolean;
  refusal: string | null;
}
export interface KeptItem {
  name: string;
  reason: string;
}
export interface KeptLeftover {
  name: string;
  reason: string;
}
export interface Leftover {
  name: string;
  size_bytes: number;
  modified_at: string;
}
export interface Leftovers {
  items: Array<Leftover>;
  total_bytes: number;
}
export interface License {
  spdx: string | null;
  name: string | null;
  url: string | null;
  commercial: boolean | null;
  gated: boolean | null;
}
export interface Line {
  key: string | null;
  rest: boolean;
  points: Array<Point>;
}
export interface LlamaBuild {
  id: string;
  origin: string;
  version: string | null;
  build: number | null;
  devices: Array<Gpu>;
  usable: boolean;
  reason: string | null;
}
export interface LoadPlan {
  library_id: string;
  model: string;
  version: number;
  option: string;
  name: string;
  running: string | null;
  build: string | null;
  settings: { [name: string]: EffectiveSetting };
  estimate: Estimate;
  options: Array<string>;
  ignored: Array<string>;
}
export interface LoadRequest {
  library_id: string;
  settings?: LoadSettings;
  name?: string | null;
  ttl_s?: number | null;
  force?: boolean;
}
export interface LoadSettings {
  ctx?: number | null;
  gpu_layers?: number | "all" | "auto" | null;
  threads?: number | null;
  flash_attention?: "auto" | "off" | "on" | null;
  kv_type_k?: "bf16" | "f16" | "f32" | "iq4_nl" | "q4_0" | "q4_1" | "q5_0" | "q5_1" | "q8_0" | null;
  kv_type_v?: "bf16" | "f16" | "f32" | "iq4_nl" | "q4_0" | "q4_1" | "q5_0" | "q5_1" | "q8_0" | null;
  reasoning?: "auto" | "off" | "on" | null;
  reasoning_budget?: number | null;
  parallel?: number | null;
  batch?: number | null;
  mmap?: boolean | null;
  mlock?: boolean | null;
  seed?: number | null;
  ttl_s?: number | null;
}
export interface Mark {
  value: "bad" | "good";
  reason: "format" | "other" | "slow" | "unsafe" | "wrong" | null;
  at: string;
}
export interface MarkPair {
  better: "both_bad" | "first" | "second" | "tie";
}
export interface Marks {
  active: number;
  candidate: number;
  tie: number;
  both_bad: number;
}
export interface ModelDetail {
  id: string;
  display_name: string;
  publisher: string;
  description: string | null;
  parameters: number | null;
  active_parameters: number | null;
  capabilities: Array<string>;
  license: License;
  tags: Array<string>;
  context_length: number | null;
  architecture: Architecture;
  base_model: string | null;
  homepage: string | null;
  verified: boolean;
  source: string;
  published_by: string | null;
  published_at: string | null;
  version: number;
  versions: Array<VersionNote>;
  requires: Requires;
  hardware: Hardware;
  settings: ModelSettings;
  counters: Counters;
  best_option: string | null;
  fit: Fit;
  options: Array<JudgedOption>;
  installed_versions: Array<number>;
  allowed: boolean;
  refusal: string | null;
  held_back: string | null;
  usable_version: number | null;
}
export interface ModelFigures {
  model: string;
  answered: number;
  errors: { [name: string]: number };
  checks: { [name: string]: Share };
  check_errors: { [name: string]: number };
  latency_s: Spread;
  first_token_s: Spread;
  tokens_per_s: Spread;
  prompt_tokens: Spread;
  completion_tokens: Spread;
  confidence: Spread;
}
export interface ModelPair {
  first: string;
  second: string;
  agreement: Agreements;
  figures: Array<Comparison>;
}
export interface ModelSettings {
  ctx: number | null;
  flash_attention: "auto" | "off" | "on" | null;
  kv_type_k: "bf16" | "f16" | "f32" | "iq4_nl" | "q4_0" | "q4_1" | "q5_0" | "q5_1" | "q8_0" | null;
  kv_type_v: "bf16" | "f16" | "f32" | "iq4_nl" | "q4_0" | "q4_1" | "q5_0" | "q5_1" | "q8_0" | null;
  reasoning: "auto" | "off" | "on" | null;
  reasoning_budget: number | null;
}
export interface ModelStanding {
  model: string;
  code: Standing;
  approved: boolean;
  verified: boolean;
  withdrawn: boolean;
  allowed: boolean;
  policy: string | null;
  reason: string | null;
  version: number | null;
}
export interface ModelStandings {
  items: Array<ModelStanding>;
  next: string | null;
  total: number;
  as_of: AsOf;
}
export interface ModelSummary {
  id: string;
  display_name: string;
  publisher: string;
  description: string | null;
  parameters: number | null;
  active_parameters: number | null;
  capabilities: Array<string>;
  license: License;
  tags: Array<string>;
  context_length: number | null;
  verified: boolean;
  source: string;
  version: number;
  published_at: string | null;
  counters: Counters;
  installed: boolean;
  formats: Array<Format>;
  n_options: number;
  best_option: string | null;
  size_bytes: number | null;
  fit: Fit;
  allowed: boolean;
  refusal: string | null;
  held_back: string | null;
  usable_version: number | null;
}
export interface ModelUsage {
  model: string;
  versions: number;
  disk_bytes: number;
  old_bytes: number;
}
export interface MoveModels {
  path: string;
}
export interface OpenBundle {
  path: string;
  key?: string | null;
}
export interface OptionFile {
  name: string;
  role: Role;
  size_bytes: number | null;
  sha256: string | null;
  urls: Array<string>;
}
export interface Outbound {
  host: string;
  purpose: string;
  connections: number;
  first_at: string | null;
  last_at: string | null;
}
export type Outcome = "cancelled" | "fail" | "pass";
export interface Page_Artifact_ {
  items: Array<Artifact>;
  next: string | null;
  total: number;
}
export interface Page_Download_ {
  items: Array<Download>;
  next: string | null;
  total: number;
}
export interface Page_Evaluation_ {
  items: Array<Evaluation>;
  next: string | null;
  total: number;
}
export interface Page_Job_ {
  items: Array<Job>;
  next: string | null;
  total: number;
}
export interface Page_Pair_ {
  items: Array<Pair>;
  next: string | null;
  total: number;
}
export interface Page_Server_ {
  items: Array<Server>;
  next: string | null;
  total: number;
}
export interface Page_Source_ {
  items: Array<Source>;
  next: string | null;
  total: number;
}
export interface Page_TrialDecision_ {
  items: Array<TrialDecision>;
  next: string | null;
  total: number;
}
export interface Page_Trial_ {
  items: Array<Trial>;
  next: string | null;
  total: number;
}
export interface Page_Update_ {
  items: Array<Update>;
  next: string | null;
  total: number;
}
export interface Page_VersionNote_ {
  items: Array<VersionNote>;
  next: string | null;
  total: number;
}
export interface Pair {
  n: number;
  route: string;
  at: string;
  active: PairSide;
  candidate: PairSide;
  exact: boolean | null;
  normalised: boolean | null;
  similarity: number | null;
  tool_calls: boolean | null;
  mark: "active" | "both_bad" | "candidate" | "tie" | null;
  has_content: boolean;
  content: PairContent | null;
}
export interface PairContent {
  question: string;
  active: string;
  candidate: string;
}
export interface PairSide {
  prompt_tokens: number | null;
  cached_tokens: number | null;
  completion_tokens: number | null;
  ttft_s: number | null;
  tokens_per_s: number | null;
  latency_s: number | null;
  finish_reason: string | null;
  confidence: number | null;
  error: TrialReason | null;
  checks: { [name: string]: boolean };
}
export interface Percentiles {
  p50: number;
  p90: number;
  p99: number;
}
export interface Point {
  at: string;
  requests: number;
  failed: number;
  cancelled: number;
  prompt_tokens: number;
  completion_tokens: number;
  ttft_s: number | null;
  tokens_per_s: number | null;
  latency_s: number | null;
  latency_p90_s: number | null;
}
export interface Policy {
  require_verified: PolicySwitch;
  require_signature: PolicySwitch;
  require_digest: PolicySwitch;
  allowed_publishers: PolicyList;
  local_entries: PolicySwitch;
  direct_urls: PolicySwitch;
  offline: PolicySwitch;
  report_installs: PolicySwitch;
}
export interface PolicyList {
  value: Array<string>;
  source: string;
  locked: boolean;
}
export interface PolicySwitch {
  value: boolean;
  source: string;
  locked: boolean;
}
export interface PreviewPart {
  text: string;
  offset: number;
  next: number | null;
}
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors: Array<FieldError>;
  retry_after_s: number | null;
  server_id: string | null;
}
export interface Progress {
  done_bytes: number;
  total_bytes: number | null;
  rate_bytes_per_s: number;
  eta_s: number | null;
  verified_bytes: number;
}
export interface PromoteTrial {
  switch?: "next_load" | "now";
  dry_run?: boolean;
}
export interface Prune {
  dry_run?: boolean;
  keep_old?: number;
  old_versions?: boolean;
  leftovers?: boolean;
  caches?: boolean;
}
export interface Pruned {
  items: Array<UsageItem>;
  freed_bytes: number;
  kept: Array<KeptItem>;
  dry_run: boolean;
}
export interface Purge {
  all?: boolean;
  before?: string | null;
  model?: string | null;
  app?: string | null;
  node?: string | null;
  content_only?: boolean;
  set_aside?: boolean;
}
export interface Purged {
  records: number;
  contents: number;
  set_aside: number;
}
export interface QuestionShown {
  id: string;
  question: string;
  expected: string | null;
  answers: Array<AnswerShown>;
}
export interface QueueSummary {
  queued: number;
  active: number;
  waiting: number;
  paused: number;
  failed: number;
  rate_bytes_per_s: number;
  held_until: string | null;
  leftovers: number;
  leftover_bytes: number;
}
export interface Record {
  id: string;
  at: string;
  route: string;
  streamed: boolean;
  app: string | null;
  app_version: string | null;
  node: string | null;
  model: string | null;
  version: number | null;
  option: string | null;
  library_id: string | null;
  option_digest: string | null;
  server_build: string | null;
  settings_digest: string | null;
  status: number | null;
  prompt_tokens: number | null;
  cached_tokens: number | null;
  completion_tokens: number | null;
  ttft_s: number | null;
  tokens_per_s: number | null;
  latency_s: number;
  finish_reason: string | null;
  confidence: number | null;
  outcome: Outcome;
  code: string | null;
  mark: Mark | null;
  content: "preview" | "whole" | null;
}
export interface RecordDetail {
  record: Record;
  content: Content | null;
}
export interface RecordPage {
  items: Array<Record>;
  next: string | null;
  total: number;
  gaps: Array<Gap>;
}
export interface RecordSeries {
  by: "app" | "model" | "node" | "none" | "version";
  step: "day" | "hour" | "minute";
  since: string;
  until: string;
  lines: Array<Line>;
  gaps: Array<Gap>;
}
export interface RecordStats {
  by: "app" | "day" | "hour" | "model" | "node" | "version";
  since: string | null;
  until: string | null;
  total: Totals;
  groups: Array<Group>;
  more: number;
  gaps: Array<Gap>;
}
export interface RecordsSummary {
  state: "broken" | "off" | "on";
  records: number;
  size_bytes: number;
  missed: number;
  latest: string | null;
  warnings: Array<string>;
  audit: Array<AuditRule>;
}
export interface RefusedUpdate {
  id: string;
  code: string;
  detail: string;
}
export interface RemoveLeftovers {
  names?: Array<string> | null;
}
export interface RemoveTrial {
  remove_candidate?: boolean;
}
export interface RemovedArtifact {
  id: string;
  left_files: Array<string>;
}
export interface RemovedLeftovers {
  removed: Array<Leftover>;
  freed_bytes: number;
  kept: Array<KeptLeftover>;
}
export interface Requires {
  app: { [name: string]: string };
  daemon: string | null;
  llama_server: string | null;
}
export type Role = "config" | "draft" | "model" | "projector" | "shard" | "tokenizer";
export interface RollBack {
  model: string;
  switch?: "next_load" | "now";
  dry_run?: boolean;
}
export interface RolledBack {
  model: string;
  from_id: string;
  from_version: number;
  from_option: string;
  to_id: string;
  to_version: number;
  to_option: string;
}
export interface Sampling {
  temperature?: number;
  top_p?: number;
  max_tokens?: number;
  timeout_s?: number;
}
export interface Scanned {
  added: number;
  changed: number;
  missing: number;
  unknown_files: Array<string>;
  found: number;
}
export interface Server {
  id: string;
  name: string;
  library_id: string;
  model: string;
  version: number;
  option: string;
  state: ServerState;
  pid: number | null;
  build: string | null;
  settings: { [name: string]: EffectiveSetting };
  memory: ServerMemory;
  endpoint: string | null;
  error: ServerError | null;
  load_progress: number | null;
  started_at: string;
  ready_at: string | null;
  last_used_at: string | null;
  yields: boolean;
}
export interface ServerError {
  code: string;
  detail: string;
  log_tail: Array<string>;
}
export interface ServerMemory {
  estimated_bytes: number | null;
  measured_bytes: number | null;
}
export type ServerState = "draining" | "failed" | "loading" | "ready" | "starting" | "stopped";
export interface SessionCode {
  code: string;
  expires_in_s: number;
  url: string | null;
}
export interface SessionRequest {
  code: string;
}
export interface SessionToken {
  token: string;
  expires_at: string;
}
export interface SetActive {
  library_id: string;
}
export interface SetAudit {
  rules: Array<AuditRule>;
  forget?: boolean;
}
export interface SettingsAnswer {
  saved: { [name: string]: number | string | boolean | null };
  effective: { [name: string]: EffectiveSetting };
  defaults: { [name: string]: EffectiveSetting };
  locked: Array<string>;
  notes: Array<string>;
  revision: string;
}
export interface Share {
  count: number;
  of: number;
  share: number | null;
  interval: Interval | null;
}
export interface SkipFirstRun {
  models?: Array<string> | null;
}
export interface Source {
  id: string;
  app: string | null;
  declared_by: string;
  where: string;
  state: SourceState;
  detail: string | null;
  models: Array<string>;
  signed: boolean;
}
export type SourceState = "checking" | "offline" | "ok" | "refused";
export interface Spread {
  count: number;
  mean: number | null;
  p5: number | null;
  median: number | null;
  p95: number | null;
}
export type Standing = "approved" | "not_approved" | "refused_by_policy" | "withdrawn";
export interface StartTrial {
  active: string;
  candidate: string;
  sample?: number;
  when?: "idle" | "parallel";
  keep?: number;
  max_pending?: number;
  max_pairs?: number;
  checks?: string;
}
export interface StateAnswer {
  cursor: string;
  state: { [name: string]: any };
}
export interface Status {
  version: string;
  pid: number;
  epoch: string;
  started_at: string;
  uptime_s: number;
  models_installed: number;
  servers_running: number;
  catalog: CatalogInfo;
  downloads: QueueSummary;
  disk_free_bytes: number | null;
  disk_used_bytes: number;
  rss_bytes: number;
  llama_server: string | null;
  outbound: Array<Outbound>;
  warnings: Array<string>;
  first_run: FirstRunSummary;
  records: RecordsSummary;
}
export interface SyncError {
  code: string;
  detail: string;
  at: string;
}
export interface TemplateStanding {
  id: string;
  name: string;
  compliant: boolean;
  allowed: boolean;
  models: Array<ModelStanding>;
}
export interface TemplateStandings {
  items: Array<TemplateStanding>;
  next: string | null;
  total: number;
  as_of: AsOf;
}
export interface Totals {
  requests: number;
  passed: number;
  failed: number;
  cancelled: number;
  good: number;
  bad: number;
  prompt_tokens: number;
  cached_tokens: number;
  completion_tokens: number;
  confidence: number | null;
  ttft_s: Percentiles | null;
  tokens_per_s: Percentiles | null;
  latency_s: Percentiles | null;
}
export interface Trial {
  id: string;
  state: TrialState;
  reason: TrialReason | null;
  waits_for: TrialReason | null;
  active: TrialModel;
  candidate: TrialModel;
  sample: number;
  when: "idle" | "parallel";
  keep: number;
  max_pending: number;
  max_pairs: number;
  checks: Array<string>;
  from_update: boolean;
  notes: Array<string>;
  counts: TrialCounts;
  created_at: string;
  changed_at: string;
  ended_at: string | null;
  evidence: Evidence | null;
}
export interface TrialCounts {
  pairs: number;
  failed: number;
  pending: number;
  pending_bytes: number;
  skipped: number;
  kept: number;
  marked: number;
}
export interface TrialDecision {
  trial: string;
  decision: "promoted" | "removed";
  at: string;
  by: string;
  active: TrialModel;
  candidate: TrialModel;
  counts: TrialCounts;
  evidence: Evidence;
}
export interface TrialModel {
  library_id: string;
  model: string;
  version: number;
  option: string;
}
export interface TrialReason {
  code: string;
  detail: string;
}
export type TrialState = "paused" | "promoted" | "running";
export interface Update {
  id: string;
  model: string;
  display_name: string | null;
  kind: UpdateKind;
  state: UpdateState;
  installed_version: number;
  installed_option: string;
  version: number;
  option: string | null;
  format: Format | null;
  quantization: string | null;
  size_bytes: number | null;
  total_bytes: number | null;
  notes: Array<VersionNote>;
  changes: Array<UpdateChange>;
  held_back: Array<HeldBack>;
  newer_version: number | null;
  newer_held_back: Array<HeldBack>;
  refusal: string | null;
  fit: Fit | null;
  active: boolean;
  loaded_by: Array<string>;
  verified: boolean;
  withdrawn: string | null;
  download: string | null;
  on_trial: boolean;
  new_id: string | null;
  error: UpdateError | null;
  published_at: string | null;
  published_by: string | null;
}
export interface UpdateChange {
  field: string;
  before: any;
  after: any;
}
export interface UpdateError {
  code: string;
  detail: string;
}
export type UpdateKind = "content" | "version" | "withdrawn";
export type UpdateState = "available" | "downloading" | "held_back" | "ready";
export interface Usage {
  items: Array<UsageItem>;
  models: Array<ModelUsage>;
  disk_bytes: number;
  shared_bytes: number;
  prunable_bytes: number;
  free_bytes: number | null;
  disk_total_bytes: number | null;
  reserve_bytes: number;
}
export interface UsageItem {
  kind: UsageKind;
  name: string;
  library_id: string | null;
  model: string | null;
  version: number | null;
  option: string | null;
  download: string | null;
  size_bytes: number;
  disk_bytes: number;
  shared_bytes: number;
  active: boolean;
  old: boolean;
  loaded_by: Array<string>;
  prunable: boolean;
}
export type UsageKind = "artifact" | "cache" | "leftover" | "partial" | "unknown";
export type Verdict = "compatible" | "partial" | "tight" | "too_large" | "unknown" | "unsupported";
export interface Version {
  version: string;
  api: ApiRange;
  epoch: string;
  features: Array<string>;
}
export interface VersionNote {
  version: number;
  published_at: string | null;
  published_by: string | null;
  notes: string | null;
}
export type Word = "better" | "no_difference_shown" | "not_enough" | "worse";
export interface WriteExport {
  preview: string;
}
