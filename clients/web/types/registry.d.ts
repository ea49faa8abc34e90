// Made by docs/make.py; edit the wire types instead.
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
export interface AuditEntry {
  seq: number;
  at: string;
  actor: string;
  action: string;
  subject: string;
  detail: { [name: string]: any };
  prev_hash: string;
  leaf_hash: string;
}
export interface AuditPage {
  items: Array<AuditEntry>;
  next: string | null;
  total: number;
}
export interface CatalogEntry {
  id: string;
  options: Array<Option>;
  display_name: string | null;
  publisher: string | null;
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
  published_by: string | null;
  published_at: string | null;
  version: number;
  versions: Array<VersionNote>;
  requires: Requires;
  hardware: Hardware;
  settings: ModelSettings;
  envelopes: Array<Envelope>;
  older: Array<CatalogEntry>;
}
export interface CatalogPublisher {
  name: string;
  status: "active" | "suspended";
  keys: Array<PublisherKey>;
}
export interface CatalogTemplate {
  id: string;
  name: string;
  models: Array<string>;
}
export interface Change {
  pointer: string;
  before: any;
  after: any;
}
export interface ChangePublisher {
  status: "active" | "suspended";
  reason: string;
}
export interface Changed {
  cursor: string;
  revision: number;
  released: number;
}
export interface Checkpoint {
  size: number;
  root_hash: string;
  note: string;
  key: string;
}
export interface Counters {
  downloads: number;
  stars: number;
}
export interface Decide {
  decision: "approve" | "reject";
  content_sha256: string;
  reason?: string | null;
}
export interface DownloadReported {
  model: string;
}
export interface Envelope {
  payload: string;
  payloadType: string;
  signatures: Array<Signature>;
}
export interface FieldError {
  pointer: string;
  detail: string;
}
export type Format = "gguf" | "mlx" | "safetensors";
export interface Hardware {
  min_ram_bytes: number | null;
  recommended_ram_bytes: number | null;
  os: Array<string>;
  arch: Array<string>;
}
export interface Health {
  status: string;
}
export interface Issue {
  code: string;
  severity: Severity;
  pointer: string;
  message: string;
}
export interface License {
  spdx: string | null;
  name: string | null;
  url: string | null;
  commercial: boolean | null;
  gated: boolean | null;
}
export interface Me {
  principal: string;
  scopes: Array<string>;
  token_id: string;
  expires_at: string;
  registry: string;
  four_eyes: boolean;
}
export interface ModelSettings {
  ctx: number | null;
  flash_attention: "auto" | "off" | "on" | null;
  kv_type_k: "bf16" | "f16" | "f32" | "iq4_nl" | "q4_0" | "q4_1" | "q5_0" | "q5_1" | "q8_0" | null;
  kv_type_v: "bf16" | "f16" | "f32" | "iq4_nl" | "q4_0" | "q4_1" | "q5_0" | "q5_1" | "q8_0" | null;
  reasoning: "auto" | "off" | "on" | null;
  reasoning_budget: number | null;
}
export interface NewKey {
  public_key: string;
}
export interface NewPublisher {
  name: string;
  display_name?: string;
}
export interface NewToken {
  principal: string;
  scopes: Array<string>;
  expires_in_s: number;
  note?: string;
}
export interface Option {
  id: string;
  format: Format;
  quantization: string | null;
  quantizer: string | null;
  size_bytes: number | null;
  files: Array<OptionFile>;
}
export interface OptionFile {
  name: string;
  role: Role;
  size_bytes: number | null;
  sha256: string | null;
  urls: Array<string>;
}
export interface Page_PublisherKey_ {
  items: Array<PublisherKey>;
  next: string | null;
  total: number;
}
export interface Page_Publisher_ {
  items: Array<Publisher>;
  next: string | null;
  total: number;
}
export interface Page_Token_ {
  items: Array<Token>;
  next: string | null;
  total: number;
}
export interface Popularity {
  counters: { [name: string]: Counters };
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
export interface Proof {
  size: number;
  root_hash: string;
  hashes: Array<string>;
  seq: number | null;
  leaf_hash: string | null;
  from_size: number | null;
}
export interface Published {
  version: number;
  status: VersionStatus;
  content_sha256: string;
  issues: Array<Issue>;
}
export interface Publisher {
  name: string;
  display_name: string;
  status: "active" | "suspended";
  keys: Array<PublisherKey>;
  created_at: string;
}
export interface PublisherKey {
  key_id: string;
  public_key: string;
  revoked_at: string | null;
}
export interface PutTemplate {
  name: string;
  description?: string;
  models: Array<string>;
}
export interface RegistryModel {
  id: string;
  publisher: string;
  last_version: number;
  served_version: number | null;
  verified: boolean;
  verified_by: string | null;
  verified_at: string | null;
  tombstone: Tombstone | null;
  counters: Counters;
  templates: Array<string>;
  entry: CatalogEntry | null;
}
export interface RegistryModelPage {
  items: Array<RegistryModel>;
  next: string | null;
  total: number;
}
export interface RegistryVersion {
  model: string;
  version: number;
  status: VersionStatus;
  content_sha256: string;
  published_by: string;
  published_at: string;
  decided_by: string | null;
  decided_at: string | null;
  reason: string | null;
  four_eyes: boolean | null;
  withdrawn_by: string | null;
  withdrawn_at: string | null;
  withdraw_reason: string | null;
  notes: string | null;
  issues: number;
  served: boolean;
  entry: CatalogEntry | null;
}
export interface RegistryVersionPage {
  items: Array<RegistryVersion>;
  next: string | null;
  total: number;
}
export interface Requires {
  app: { [name: string]: string };
  daemon: string | null;
  llama_server: string | null;
}
export interface Review {
  version: RegistryVersion;
  served_version: number | null;
  changes: Array<Change>;
  issues: Array<Issue>;
  blocked: boolean;
}
export interface ReviewPage {
  items: Array<Review>;
  next: string | null;
  total: number;
}
export type Role = "config" | "draft" | "model" | "projector" | "shard" | "tokenizer";
export type Severity = "error" | "info" | "warning";
export interface Signature {
  keyid: string;
  sig: string;
}
export interface SignedCatalog {
  schema: number;
  registry: string;
  revision: number;
  published_at: string;
  entries: Array<any>;
  tombstones: Array<Tombstone>;
  templates: Array<CatalogTemplate>;
  publishers: Array<CatalogPublisher>;
  checkpoint: string;
  audit_key: string;
}
export interface Template {
  id: string;
  name: string;
  description: string;
  models: Array<string>;
  compliant: boolean;
  unverified: Array<string>;
  updated_at: string;
  updated_by: string;
}
export interface TemplateCompliance {
  id: string;
  compliant: boolean;
  verified: Array<string>;
  unverified: Array<string>;
}
export interface TemplatePage {
  items: Array<Template>;
  next: string | null;
  total: number;
}
export interface TemplateState {
  id: string;
  compliant: boolean;
}
export interface Token {
  id: string;
  principal: string;
  scopes: Array<string>;
  note: string;
  created_at: string;
  created_by: string;
  expires_at: string;
  revoked_at: string | null;
  last_used_at: string | null;
}
export interface TokenMade {
  token: string;
  info: Token;
}
export interface Tombstone {
  id: string;
  withdrawn_at: string;
  reason: string;
}
export interface VerificationChanged {
  changed: boolean;
  verified: boolean;
  templates: Array<TemplateState>;
}
export interface VersionNote {
  version: number;
  published_at: string | null;
  published_by: string | null;
  notes: string | null;
}
export type VersionStatus = "approved" | "cancelled" | "pending" | "rejected" | "withdrawn";
export interface Withdraw {
  reason: string;
}
