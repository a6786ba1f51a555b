#include <rapidjson/error/en.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "base/text.hpp"
#include "host/json_tree.hpp"
#include "host/refusal.hpp"
#include "host/schema_rules.hpp"

namespace sluice::host {

namespace {

using rapidjson::Value;

constexpr int deepest_schema = 200;
constexpr std::size_t longest_quote = 100;

constexpr std::pair<std::string_view, std::uint8_t> kinds[] = {
    {"null", null_kind},     {"boolean", boolean_kind},
    {"integer", whole_kind}, {"number", whole_kind | fraction_kind},
    {"string", string_kind}, {"array", array_kind},
    {"object", object_kind}};

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t cost = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({cost, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// The text with its percent escapes, which references and identifiers may contain, decoded.
std::string percent_decoded(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned char byte = 0;
    const char* const digits = text.data() + at + 1;
    if (text[at] == '%' && at + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      plain += static_cast<char>(byte);
      at += 2;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

/// A pattern of ECMA-262 in RE2's syntax: \u0041 becomes \x{0041}.
std::string as_re2(std::string_view pattern) {
  std::string made;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '\\' || at + 1 == pattern.size()) {
      made += pattern[at];
    } else if (pattern[at + 1] == 'u' && at + 5 < pattern.size()) {
      made += "\\x{" + std::string(pattern.substr(at + 2, 4)) + "}";
      at += 5;
    } else {
      made += pattern.substr(at++, 2);
    }
  }
  return made;
}

class Compiler {
 public:
  explicit Compiler(Rules& rules) : rules_(rules) {}

  void run() {
    note_identity();
    rules_.root = compile(rules_.text, "");
    for (RuleIndex rule = 0; rule < rules_.rules.size(); ++rule) refuse_circles(rule);
  }

 private:
  /// A keyword and its place.
  struct Site {
    RuleIndex rule;
    const Value& schema;
    std::string_view keyword;
    const Value& value;
    const std::string pointer;
  };
  using Taker = void (Compiler::*)(const Site&);

  [[noreturn]] static void refuse(const std::string& pointer, const std::string& found,
                                  const std::string& expected,
                                  const std::string& remedy = "correct the schema") {
    throw Refusal(found + " at JSON pointer " + base::json_quote(pointer) + " of the schema", expected,
                  remedy);
  }
  [[noreturn]] static void refuse_value(const Site& site, const std::string& expected) {
    refuse(site.pointer, base::json_quote(site.keyword) + ": " + quoted(site.value), expected);
  }
  static std::string quoted(const Value& value) {
    if (value.IsObject()) return value.ObjectEmpty() ? "{}" : "{…}";
    if (value.IsArray()) return value.Empty() ? "[]" : "[…]";
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    value.Accept(writer);
    return base::shortened({buffer.GetString(), buffer.GetSize()}, longest_quote);
  }

  Rule& rule(const Site& site) { return rules_.rules[site.rule]; }
  RuleIndex compile(const Value& schema, const std::string& pointer);
  void take_keyword(RuleIndex index, const Value& schema, const Value& name, const Value& value,
                    const std::string& pointer);
  static const std::map<std::string_view, Taker>& takers();
  [[noreturn]] static void refuse_keyword(std::string_view keyword, const std::string& pointer);

  void note_identity();
  const Value* target_of(std::string_view pointer) const;
  void refuse_circles(RuleIndex start, int length = 0);
  std::vector<RuleIndex> same_value(const Rule& rule) const;

  static std::size_t count(const Site& site);
  static std::vector<std::string> names(const Site& site, const Value& value, const std::string& pointer);
  static const Value& number(const Site& site);
  std::unique_ptr<RE2> pattern(std::string_view text, const std::string& pointer) const;
  std::vector<RuleIndex> list(const Site& site);
  RuleIndex one(const Site& site) { return compile(site.value, site.pointer); }
  static void check_object(const Site& site);

  void skip(const Site&) {}
  void take_text(const Site& site);
  void take_identity(const Site& site);
  void take_definitions(const Site& site);
  void take_type(const Site& site);
  void take_enum(const Site& site);
  void take_const(const Site& site) { rule(site).constant = &site.value; }
  void take_bound(const Site& site);
  void take_multiple(const Site& site);
  void take_count(const Site& site);
  void take_pattern(const Site& site) { rule(site).pattern = pattern(text(site), site.pointer); }
  void take_format(const Site& site);
  void take_items(const Site& site);
  void take_prefix_items(const Site& site) { rule(site).tuple = list(site); }
  void take_additional_items(const Site& site);
  void take_unique(const Site& site);
  void take_contains(const Site& site) { rule(site).contains = one(site); }
  void take_properties(const Site& site);
  void take_patterns(const Site& site);
  void take_additional(const Site& site) { rule(site).additional = one(site); }
  void take_names(const Site& site) { rule(site).names = one(site); }
  void take_required(const Site& site) { rule(site).required = names(site, site.value, site.pointer); }
  void take_dependencies(const Site& site);
  void take_reference(const Site& site);
  void take_all(const Site& site);
  void take_any(const Site& site) { rule(site).any_of = list(site); }
  void take_one(const Site& site) { rule(site).one_of = list(site); }
  void take_not(const Site& site) { rule(site).negated = one(site); }
  void take_if(const Site& site) { rule(site).condition = one(site); }
  void take_then(const Site& site) { rule(site).consequence = one(site); }
  void take_else(const Site& site) { rule(site).alternative = one(site); }
  static std::string_view text(const Site& site);

  Rules& rules_;
  std::string identity_;                       // the schema's own URI
  std::map<const Value*, RuleIndex> made_;     // by the schema's text
  std::map<RuleIndex, bool> free_of_circles_;  // false while it is being checked
  int depth_ = 0;
};

const std::map<std::string_view, Compiler::Taker>& Compiler::takers() {
  static const std::map<std::string_view, Taker> all{
      {"$comment", &Compiler::take_text},
      {"$defs", &Compiler::take_definitions},
      {"$id", &Compiler::take_identity},
      {"$ref", &Compiler::take_reference},
      {"$schema", &Compiler::take_text},
      {"additionalItems", &Compiler::take_additional_items},
      {"additionalProperties", &Compiler::take_additional},
      {"allOf", &Compiler::take_all},
      {"anyOf", &Compiler::take_any},
      {"const", &Compiler::take_const},
      {"contains", &Compiler::take_contains},
      {"default", &Compiler::skip},
      {"definitions", &Compiler::take_definitions},
      {"dependencies", &Compiler::take_dependencies},
      {"dependentRequired", &Compiler::take_dependencies},
      {"dependentSchemas", &Compiler::take_dependencies},
      {"deprecated", &Compiler::skip},
      {"description", &Compiler::take_text},
      {"else", &Compiler::take_else},
      {"enum", &Compiler::take_enum},
      {"example", &Compiler::skip},
      {"examples", &Compiler::skip},
      {"exclusiveMaximum", &Compiler::take_bound},
      {"exclusiveMinimum", &Compiler::take_bound},
      {"format", &Compiler::take_format},
      {"id", &Compiler::take_identity},
      {"if", &Compiler::take_if},
      {"items", &Compiler::take_items},
      {"maxContains", &Compiler::take_count},
      {"maxItems", &Compiler::take_count},
      {"maxLength", &Compiler::take_count},
      {"maxProperties", &Compiler::take_count},
      {"maximum", &Compiler::take_bound},
      {"minContains", &Compiler::take_count},
      {"minItems", &Compiler::take_count},
      {"minLength", &Compiler::take_count},
      {"minProperties", &Compiler::take_count},
      {"minimum", &Compiler::take_bound},
      {"multipleOf", &Compiler::take_multiple},
      {"not", &Compiler::take_not},
      {"oneOf", &Compiler::take_one},
      {"pattern", &Compiler::take_pattern},
      {"patternProperties", &Compiler::take_patterns},
      {"prefixItems", &Compiler::take_prefix_items},
      {"properties", &Compiler::take_properties},
      {"propertyNames", &Compiler::take_names},
      {"readOnly", &Compiler::skip},
      {"required", &Compiler::take_required},
      {"then", &Compiler::take_then},
      {"title", &Compiler::take_text},
      {"type", &Compiler::take_type},
      {"uniqueItems", &Compiler::take_unique},
      {"writeOnly", &Compiler::skip},
  };
  return all;
}

/// The rule for `schema`. It is made only once, so that the schema may refer to itself.
RuleIndex Compiler::compile(const Value& schema, const std::string& pointer) {
  if (const auto known = made_.find(&schema); known != made_.end()) return known->second;
  if (!schema.IsObject() && !schema.IsBool())
    refuse(pointer, quoted(schema), "a schema: an object, or true or false");
  if (++depth_ > deepest_schema) {
    refuse(pointer, "a schema nested deeper than " + std::to_string(deepest_schema) + " levels",
           "a shallower one");
  }
  const auto index = static_cast<RuleIndex>(rules_.rules.size());
  made_[&schema] = index;
  rules_.rules.emplace_back();
  rules_.rules.back().pointer = pointer;
  rules_.rules.back().text = &schema;
  if (schema.IsFalse()) rules_.rules.back().kinds = 0;
  if (schema.IsObject()) {
    std::set<std::string_view> seen;
    for (const auto& [name, value] : schema.GetObject()) {
      if (!seen.insert(view(name)).second)
        refuse(pointer, "the keyword " + base::json_quote(view(name)) + " twice", "it once");
      take_keyword(index, schema, name, value, pointer);
    }
  }
  --depth_;
  return index;
}

void Compiler::take_keyword(RuleIndex index, const Value& schema, const Value& name, const Value& value,
                            const std::string& pointer) {
  const std::string_view keyword = view(name);
  if (keyword.starts_with("x-")) return;  // custom keywords
  const std::string place = pointer + "/" + base::pointer_token(keyword);
  const auto taker = takers().find(keyword);
  if (taker == takers().end()) refuse_keyword(keyword, place);
  (this->*taker->second)({index, schema, keyword, value, place});
}

void Compiler::refuse_keyword(std::string_view keyword, const std::string& pointer) {
  std::string_view nearest;
  std::size_t least = 1 + keyword.size() / 4;
  for (const auto& [known, taker] : takers()) {
    const std::size_t edits = distance(keyword, known);
    if (edits > least || (edits == least && !nearest.empty())) continue;
    nearest = known;
    least = edits;
  }
  refuse(pointer, "the unknown keyword " + base::json_quote(base::shortened(keyword, longest_quote)),
         nearest.empty() ? "a keyword of JSON Schema that Sluice enforces" : base::json_quote(nearest),
         "correct the schema; keywords of your own begin with x-");
}

std::string_view Compiler::text(const Site& site) {
  if (!site.value.IsString()) refuse_value(site, "a string");
  return view(site.value);
}

void Compiler::take_text(const Site& site) {
  text(site);
}

void Compiler::note_identity() {
  const Value& text = rules_.text;
  for (const char* keyword : {"id", "$id"}) {
    const auto found = text.FindMember(keyword);
    if (found != text.MemberEnd() && found->value.IsString()) identity_ = view(found->value);
  }
  while (identity_.ends_with('#')) identity_.pop_back();
}

void Compiler::take_identity(const Site& site) {
  text(site);
  if (&site.schema != &rules_.text)
    refuse_value(site, "an identifier only at the root of the schema; refer to parts of it by JSON pointers");
}

void Compiler::check_object(const Site& site) {
  if (!site.value.IsObject()) refuse_value(site, "an object");
  std::set<std::string_view> seen;
  for (const auto& [name, value] : site.value.GetObject()) {
    if (!seen.insert(view(name)).second)
      refuse(site.pointer, "the name " + base::json_quote(view(name)) + " twice", "it once");
  }
}

void Compiler::take_definitions(const Site& site) {
  check_object(site);
  for (const auto& [name, value] : site.value.GetObject())
    compile(value, site.pointer + "/" + base::pointer_token(view(name)));
}

void Compiler::take_type(const Site& site) {
  std::uint8_t taken = 0;
  const auto add = [&](const Value& name) {
    const auto* const known = std::find_if(std::begin(kinds), std::end(kinds), [&](const auto& kind) {
      return name.IsString() && kind.first == view(name);
    });
    if (known == std::end(kinds))
      refuse_value(
          site,
          R"("null", "boolean", "integer", "number", "string", "array" or "object", or a list of them)");
    taken |= known->second;
  };
  if (site.value.IsArray()) {
    for (const Value& name : site.value.GetArray()) add(name);
  } else {
    add(site.value);
  }
  if (taken == 0) refuse_value(site, "at least one type");
  rule(site).kinds = taken;
}

void Compiler::take_enum(const Site& site) {
  if (!site.value.IsArray() || site.value.Empty()) refuse_value(site, "a list of at least one value");
  rule(site).choices = &site.value;
}

const Value& Compiler::number(const Site& site) {
  if (!site.value.IsNumber()) refuse_value(site, "a number");
  return site.value;
}

/// In draft 4, exclusiveMinimum is true or false, and applies to the minimum beside it.
void Compiler::take_bound(const Site& site) {
  const bool upper = site.keyword.ends_with("aximum");
  const bool exclusive = site.keyword.starts_with("exclusive");
  if (exclusive && site.value.IsBool()) {
    const char* const beside = upper ? "maximum" : "minimum";
    if (site.value.GetBool() && !site.schema.HasMember(beside))
      refuse_value(site, std::string("a \"") + beside + "\" beside it, or a number");
    return;
  }
  const auto draft_4 = site.schema.FindMember(upper ? "exclusiveMaximum" : "exclusiveMinimum");
  const bool excluded = draft_4 != site.schema.MemberEnd() && draft_4->value.IsTrue();
  rule(site).bounds.push_back({&number(site), upper, exclusive || excluded});
}

void Compiler::take_multiple(const Site& site) {
  if (number(site).GetDouble() <= 0) refuse_value(site, "a number above 0");
  rule(site).multiple_of = &site.value;
}

std::size_t Compiler::count(const Site& site) {
  if (site.value.IsUint64()) return site.value.GetUint64();
  const double wide = site.value.IsNumber() ? site.value.GetDouble() : -1;
  if (wide < 0 || wide != std::trunc(wide)) refuse_value(site, "a non-negative whole number");
  constexpr double beyond = 1e18;
  return wide > beyond ? unlimited : static_cast<std::size_t>(wide);
}

void Compiler::take_count(const Site& site) {
  using Place = std::size_t Rule::*;
  static const std::map<std::string_view, Place> places{
      {"minLength", &Rule::min_length},      {"maxLength", &Rule::max_length},
      {"minItems", &Rule::min_elements},     {"maxItems", &Rule::max_elements},
      {"minContains", &Rule::min_contains},  {"maxContains", &Rule::max_contains},
      {"minProperties", &Rule::min_members}, {"maxProperties", &Rule::max_members}};
  if (site.keyword.ends_with("Contains") && !site.schema.HasMember("contains"))
    refuse_value(site, R"(a "contains" beside it)");
  rule(site).*places.at(site.keyword) = count(site);
}

std::unique_ptr<RE2> Compiler::pattern(std::string_view text, const std::string& pointer) const {
  RE2::Options options;
  options.set_log_errors(false);
  auto made = std::make_unique<RE2>(as_re2(text), options);
  if (made->ok()) return made;
  refuse(pointer,
         "the pattern " + base::json_quote(base::shortened(text, longest_quote)) + " (" + made->error() + ")",
         "a regular expression that RE2 supports: one without lookaround and back references, because "
         "matching must always end");
}

void Compiler::take_format(const Site& site) {
  rule(site).format = find_format(text(site));
  if (rule(site).format == nullptr) refuse_value(site, "a format that Sluice checks: " + format_names());
}

std::vector<RuleIndex> Compiler::list(const Site& site) {
  if (!site.value.IsArray() || site.value.Empty()) refuse_value(site, "a list of at least one schema");
  std::vector<RuleIndex> made;
  for (rapidjson::SizeType i = 0; i < site.value.Size(); ++i)
    made.push_back(compile(site.value[i], site.pointer + "/" + std::to_string(i)));
  return made;
}

/// Before 2020-12, a list of items means what prefixItems means since.
void Compiler::take_items(const Site& site) {
  if (!site.value.IsArray()) {
    rule(site).elements = one(site);
  } else if (site.schema.HasMember("prefixItems")) {
    refuse_value(site, R"(a schema, beside "prefixItems")");
  } else if (!site.value.Empty()) {
    rule(site).tuple = list(site);
  }
}

void Compiler::take_additional_items(const Site& site) {
  const RuleIndex more = one(site);
  const auto items = site.schema.FindMember("items");
  if (items != site.schema.MemberEnd() && items->value.IsArray()) rule(site).elements = more;
}

void Compiler::take_unique(const Site& site) {
  if (!site.value.IsBool()) refuse_value(site, "true or false");
  rule(site).unique = site.value.GetBool();
}

void Compiler::take_properties(const Site& site) {
  check_object(site);
  std::vector<Rule::Property> made;
  for (const auto& [name, value] : site.value.GetObject())
    made.push_back(
        {std::string(view(name)), compile(value, site.pointer + "/" + base::pointer_token(view(name)))});
  std::sort(made.begin(), made.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  rule(site).properties = std::move(made);
}

void Compiler::take_patterns(const Site& site) {
  check_object(site);
  for (const auto& [name, value] : site.value.GetObject()) {
    const std::string pointer = site.pointer + "/" + base::pointer_token(view(name));
    auto made = pattern(view(name), pointer);
    const RuleIndex index = compile(value, pointer);
    rule(site).patterns.emplace_back(std::move(made), index);
  }
}

std::vector<std::string> Compiler::names(const Site& site, const Value& value, const std::string& pointer) {
  std::set<std::string> made;
  bool good = value.IsArray();
  for (rapidjson::SizeType i = 0; good && i < value.Size(); ++i)
    good = value[i].IsString() && made.insert(std::string(view(value[i]))).second;
  if (!good)
    refuse(pointer, base::json_quote(site.keyword) + ": " + quoted(value), "a list of different names");
  return {made.begin(), made.end()};
}

/// A list of names, or a schema. In 2019-09 each got its own keyword.
void Compiler::take_dependencies(const Site& site) {
  check_object(site);
  for (const auto& [name, value] : site.value.GetObject()) {
    const std::string pointer = site.pointer + "/" + base::pointer_token(view(name));
    const bool is_list =
        site.keyword == "dependentRequired" || (site.keyword == "dependencies" && value.IsArray());
    Rule::Dependency made{std::string(view(name)), {}, no_rule};
    if (is_list) {
      made.required = names(site, value, pointer);
    } else {
      made.rule = compile(value, pointer);
    }
    rule(site).dependencies.push_back(std::move(made));
  }
}

const Value* Compiler::target_of(std::string_view pointer) const {
  const Value* at = &rules_.text;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    std::string token(pointer.substr(0, pointer.find('/')));
    pointer.remove_prefix(token.size());
    for (const auto& [escaped, plain] : {std::pair("~1", "/"), std::pair("~0", "~")}) {
      for (std::size_t found = 0; (found = token.find(escaped, found)) != std::string::npos; ++found)
        token.replace(found, 2, plain);
    }
    if (at->IsObject()) {
      const auto member = at->FindMember(Value(rapidjson::StringRef(token.data(), token.size())));
      if (member == at->MemberEnd()) return nullptr;
      at = &member->value;
    } else {
      rapidjson::SizeType index = 0;
      const auto [rest, error] = std::from_chars(token.data(), token.data() + token.size(), index);
      if (!at->IsArray() || error != std::errc() || rest != token.data() + token.size() ||
          index >= at->Size())
        return nullptr;
      at = &(*at)[index];
    }
  }
  return at;
}

/// Keywords beside a reference count too, as they do since 2019-09, because no written rule may be ignored.
void Compiler::take_reference(const Site& site) {
  std::string_view reference = text(site);
  if (!identity_.empty() && reference.starts_with(identity_)) reference.remove_prefix(identity_.size());
  if (!reference.empty() && !reference.starts_with('#'))
    refuse_value(site, "a reference within the schema, such as \"#/definitions/name\"");
  const std::string pointer = reference.empty() ? "" : percent_decoded(reference.substr(1));
  const Value* const target = pointer.empty() || pointer[0] == '/' ? target_of(pointer) : nullptr;
  if (target == nullptr) refuse_value(site, "a JSON pointer to a part of the schema");
  const RuleIndex made = compile(*target, pointer);
  rule(site).all_of.push_back(made);
}

void Compiler::take_all(const Site& site) {
  const std::vector<RuleIndex> made = list(site);
  rule(site).all_of.insert(rule(site).all_of.end(), made.begin(), made.end());
}

/// The rules that `rule` applies to the same value.
std::vector<RuleIndex> Compiler::same_value(const Rule& rule) const {
  std::vector<RuleIndex> all = rule.all_of;
  for (const auto* more : {&rule.any_of, &rule.one_of}) all.insert(all.end(), more->begin(), more->end());
  for (const auto& dependency : rule.dependencies) all.push_back(dependency.rule);
  for (const RuleIndex one : {rule.negated, rule.condition, rule.consequence, rule.alternative})
    all.push_back(one);
  std::erase(all, no_rule);
  return all;
}

/// A rule that leads back to itself for the same value would be followed without end.
void Compiler::refuse_circles(RuleIndex start, int length) {
  if (length > deepest_schema)
    refuse(rules_[start].pointer,
           "a chain of more than " + std::to_string(deepest_schema) + " schemas for one value",
           "a shorter one");
  const auto [known, is_new] = free_of_circles_.emplace(start, false);
  if (!is_new) {
    if (known->second) return;
    refuse(rules_[start].pointer, "a schema that refers back to itself for the same value",
           "one that ends; a schema may refer to itself only for members and elements");
  }
  for (const RuleIndex next : same_value(rules_[start])) refuse_circles(next, length + 1);
  free_of_circles_[start] = true;
}

}  // namespace

Kind kind_of(const Value& value) {
  switch (value.GetType()) {
    case rapidjson::kNullType:
      return null_kind;
    case rapidjson::kFalseType:
    case rapidjson::kTrueType:
      return boolean_kind;
    case rapidjson::kObjectType:
      return object_kind;
    case rapidjson::kArrayType:
      return array_kind;
    case rapidjson::kStringType:
      return string_kind;
    case rapidjson::kNumberType:
      break;
  }
  if (value.IsInt64() || value.IsUint64()) return whole_kind;
  return value.GetDouble() == std::trunc(value.GetDouble()) ? whole_kind : fraction_kind;
}

RuleIndex Rule::property(std::string_view name) const {
  const auto found =
      std::lower_bound(properties.begin(), properties.end(), name,
                       [](const Property& one, std::string_view key) { return one.name < key; });
  return found != properties.end() && found->name == name ? found->rule : no_rule;
}

std::unique_ptr<const Rules> compile_rules(const std::string& schema) {
  auto rules = std::make_unique<Rules>();
  rapidjson::Document& text = rules->text;
  text.Parse<rapidjson::kParseIterativeFlag>(schema.c_str(), schema.size());
  if (text.HasParseError() || !text.IsObject()) {
    const std::string found = text.HasParseError()
                                  ? "a schema that is not valid JSON (at byte " +
                                        std::to_string(text.GetErrorOffset()) + ": " +
                                        rapidjson::GetParseError_En(text.GetParseError()) + ")"
                                  : std::string("a schema that is not a JSON object");
    throw Refusal(found, "JSON Schema, draft 4 to 2020-12", "correct the schema");
  }
  Compiler(*rules).run();
  return rules;
}

}  // namespace sluice::host
