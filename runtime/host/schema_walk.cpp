#include "host/schema_walk.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/text.hpp"
#include "host/json_tree.hpp"

namespace sluice::host {

namespace {

using rapidjson::Value;

constexpr std::size_t most_ignored = 20;
constexpr std::size_t most_absent = 1000;
constexpr std::size_t longest_name = 200;

/// "lines[].note"
std::string name_of(const Place* place) {
  if (place == nullptr) return "";
  const std::string parent = name_of(place->parent);
  if (place->name == nullptr) return parent + "[]";
  return parent + (parent.empty() ? "" : ".") +
         base::shortened(base::valid_utf8(view(*place->name)), longest_name);
}

/// Whether it limits the kind of a value.
bool is_particular(const Rule& rule) {
  return rule.kinds != any_kind || rule.constant != nullptr || rule.choices != nullptr ||
         !rule.all_of.empty() || !rule.any_of.empty() || !rule.one_of.empty();
}

}  // namespace

/// Adds `rule` and the rules that may be applied to the same value with it.
void SchemaWalk::add(RuleSet& rules, RuleIndex index) const {
  const auto place = std::lower_bound(rules.begin(), rules.end(), index);
  if (index == no_rule || (place != rules.end() && *place == index)) return;
  rules.insert(place, index);
  const Rule& rule = (*rules_)[index];
  for (const auto* parts : {&rule.all_of, &rule.any_of, &rule.one_of}) {
    for (const RuleIndex part : *parts) add(rules, part);
  }
  for (const RuleIndex part : {rule.condition, rule.consequence, rule.alternative}) add(rules, part);
  for (const Rule::Dependency& dependency : rule.dependencies) add(rules, dependency.rule);
}

SchemaWalk::Spot& SchemaWalk::spot(RuleSet rules) {
  const auto [known, is_new] = spots_.try_emplace(rules);
  if (is_new) {
    known->second.rules = std::move(rules);
    look(known->second);
  }
  return known->second;
}

void SchemaWalk::look(Spot& spot) const {
  bool says_others = false;
  for (const RuleIndex index : spot.rules) {
    const Rule& rule = (*rules_)[index];
    spot.described = spot.described || !rule.properties.empty();
    says_others = says_others || rule.additional != no_rule;
    spot.plain = spot.plain && rule.properties.empty() && rule.patterns.empty() &&
                 rule.additional == no_rule && rule.tuple.empty() && rule.elements == no_rule &&
                 rule.contains == no_rule;
    spot.mentioned.insert(rule.required.begin(), rule.required.end());
    for (const Rule::Dependency& dependency : rule.dependencies) {
      spot.mentioned.insert(dependency.name);
      spot.mentioned.insert(dependency.required.begin(), dependency.required.end());
    }
  }
  spot.described = spot.described && !says_others;
}

SchemaWalk::Member SchemaWalk::member_of(Spot& spot, std::string_view name) {
  if (const auto known = spot.members.find(name); known != spot.members.end()) return known->second;
  std::vector<RuleIndex> own;
  bool of_properties = false;
  for (const RuleIndex index : spot.rules) {
    const Rule& rule = (*rules_)[index];
    of_properties = of_properties || rule.property(name) != no_rule;
    rule.for_member(name, [&](RuleIndex one) { own.push_back(one); });
  }
  if (own.empty()) return {};
  RuleSet rules;
  for (const RuleIndex one : own) add(rules, one);
  const Member member{&this->spot(std::move(rules)),
                      (of_properties || has_null_) && is_absent_when_null(own)};
  if (of_properties) spot.members.emplace(name, member);
  return member;
}

/// A rule rejects null, and no rule accepts it.
bool SchemaWalk::is_absent_when_null(const std::vector<RuleIndex>& rules) const {
  const Value null;
  const auto takes = [&](RuleIndex rule) { return fits(*rules_, rule, null); };
  return !std::all_of(rules.begin(), rules.end(), takes) &&
         std::none_of(rules.begin(), rules.end(),
                      [&](RuleIndex rule) { return is_particular((*rules_)[rule]) && takes(rule); });
}

SchemaWalk::Spot* SchemaWalk::element_of(Spot& spot, std::size_t index) {
  if (spot.elements != nullptr) return spot.elements;
  RuleSet rules;
  bool alike = true;
  for (const RuleIndex one : spot.rules) {
    const Rule& rule = (*rules_)[one];
    alike = alike && rule.tuple.empty();
    add(rules, index < rule.tuple.size() ? rule.tuple[index] : rule.elements);
    add(rules, rule.contains);
  }
  if (rules.empty()) return nullptr;
  Spot& element = this->spot(std::move(rules));
  if (alike) spot.elements = &element;
  return &element;
}

SchemaWalk::Found SchemaWalk::walk(Value& document, bool has_null) {
  found_ = {};
  has_null_ = has_null;
  if (root_ == nullptr) {
    RuleSet rules;
    add(rules, rules_->root);
    root_ = &spot(std::move(rules));
  }
  visit(document, *root_, nullptr, 0);
  return std::exchange(found_, {});
}

void SchemaWalk::visit(Value& value, Spot& spot, const Place* place, int depth) {
  if (spot.plain) return;
  if (depth > TooDeep::limit) throw TooDeep();
  if (value.IsObject()) return visit_members(value, spot, place, depth);
  if (!value.IsArray()) return;
  for (rapidjson::SizeType i = 0; i < value.Size(); ++i) {
    if (!value[i].IsObject() && !value[i].IsArray()) continue;
    const Place here{place, nullptr, i};
    if (Spot* const element = element_of(spot, i)) visit(value[i], *element, &here, depth + 1);
  }
}

void SchemaWalk::visit_members(Value& object, Spot& spot, const Place* place, int depth) {
  for (rapidjson::SizeType i = 0; i < object.MemberCount();) {
    const auto at = object.MemberBegin() + static_cast<std::ptrdiff_t>(i);
    const bool is_null = at->value.IsNull();
    const bool holds_more = at->value.IsObject() || at->value.IsArray();
    if (!is_null && !holds_more && !spot.described) {
      ++i;
      continue;
    }
    const Place here{place, &at->name, 0};
    const Member member = member_of(spot, view(at->name));
    if (is_null && member.absent_when_null) {
      if (found_.absent.size() < most_absent) found_.absent.insert(pointer_of(&here));
      object.RemoveMember(at);  // the last member takes its place
      continue;
    }
    if (holds_more && member.spot != nullptr) visit(at->value, *member.spot, &here, depth + 1);
    if (!is_null && member.spot == nullptr && spot.described && !spot.mentioned.contains(view(at->name)))
      ignore(here);
    ++i;
  }
}

void SchemaWalk::ignore(const Place& member) {
  if (found_.ignored.size() < most_ignored) found_.ignored.insert(name_of(&member));
}

}  // namespace sluice::host
