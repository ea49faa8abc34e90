// Made by docs/make.py; edit the wire types instead.
export interface AddSource {
  path: string;
  app: string;
  key?: string | null;
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
export interface AuditAlarm {
  code: string;
  detail: string;
  at: string;
}
export interface AuditWitness {
  size: number;
  root_hash: string;
  alarm: AuditAlarm | null;
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
  facets: Record<string, Array<FacetValue>>;
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
export interface ConfigAnswer {
  values: Record<string, ConfigValue>;
}
export interface ConfigValue {
  value: string | number | number | boolean | Array<string> | null;
  source: string;
  locked: boolean;
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
  sources: Record<string, string>;
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
  settings: Record<string, EffectiveSetting>;
  notes: Array<string>;
}
export interface EstimateRequest {
  settings?: LoadSettings;
}
export interface FacetValue {
  value: string;
  count: number;
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
export interface Gpu {
  id: string;
  name: string;
  total_bytes: number;
  free_bytes: number;
  unified: boolean;
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
  settings: Record<string, EffectiveSetting>;
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
}
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
export interface Page_Job_ {
  items: Array<Job>;
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
export interface RefusedUpdate {
  id: string;
  code: string;
  detail: string;
}
export interface RemoveLeftovers {
  names?: Array<string> | null;
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
  app: Record<string, string>;
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
  settings: Record<string, EffectiveSetting>;
  memory: ServerMemory;
  endpoint: string | null;
  error: ServerError | null;
  load_progress: number | null;
  started_at: string;
  ready_at: string | null;
  last_used_at: string | null;
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
export interface SettingsAnswer {
  saved: Record<string, number | string | boolean | null>;
  effective: Record<string, EffectiveSetting>;
  defaults: Record<string, EffectiveSetting>;
  locked: Array<string>;
  notes: Array<string>;
  revision: string;
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
export type Standing = "approved" | "not_approved" | "refused_by_policy" | "withdrawn";
export interface StateAnswer {
  cursor: string;
  state: Record<string, any>;
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
  refusal: string | null;
  fit: Fit | null;
  active: boolean;
  loaded_by: Array<string>;
  verified: boolean;
  withdrawn: string | null;
  download: string | null;
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
