// A JSON Schema, parsed once: one rule for each schema in it. Rules refer to each other by their index.
// compile_rules makes them. They never change afterwards, so all slots share them.
#pragma once

#include <rapidjson/document.h>
#include <re2/re2.h>
#include <re2/stringpiece.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/schema.hpp"
#include "host/text_format.hpp"

namespace sluice::host {

/// Kinds of values, as bits. A number is whole or fractional.
enum Kind : std::uint8_t {
  null_kind = 1,
  boolean_kind = 2,
  whole_kind = 4,
  fraction_kind = 8,
  string_kind = 16,
  array_kind = 32,
  object_kind = 64,
  any_kind = 127,
};
Kind kind_of(const rapidjson::Value& value);

using RuleIndex = std::uint32_t;
constexpr RuleIndex no_rule = std::numeric_limits<RuleIndex>::max();
constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

/// What one schema demands of a value. Values that point into the schema's text live as long as Rules.
struct Rule {
  std::string pointer;  ///< where it is in the schema's text
  const rapidjson::Value* text = nullptr;

  std::uint8_t kinds = any_kind;  ///< 0: nothing passes
  const rapidjson::Value* constant = nullptr;
  const rapidjson::Value* choices = nullptr;

  struct Bound {
    const rapidjson::Value* value;
    bool upper;
    bool exclusive;
  };
  std::vector<Bound> bounds;
  const rapidjson::Value* multiple_of = nullptr;

  std::size_t min_length = 0;
  std::size_t max_length = unlimited;
  std::unique_ptr<RE2> pattern;
  const TextFormat* format = nullptr;

  std::vector<RuleIndex> tuple;  ///< for the first elements
  RuleIndex elements = no_rule;  ///< for the others
  std::size_t min_elements = 0;
  std::size_t max_elements = unlimited;
  bool unique = false;
  RuleIndex contains = no_rule;
  std::size_t min_contains = 1;
  std::size_t max_contains = unlimited;

  struct Property {
    std::string name;
    RuleIndex rule;
  };
  std::vector<Property> properties;  ///< sorted by name
  std::vector<std::pair<std::unique_ptr<RE2>, RuleIndex>> patterns;
  RuleIndex additional = no_rule;
  RuleIndex names = no_rule;
  std::vector<std::string> required;
  std::size_t min_members = 0;
  std::size_t max_members = unlimited;
  struct Dependency {
    std::string name;
    std::vector<std::string> required;
    RuleIndex rule;
  };
  std::vector<Dependency> dependencies;

  // For the same value.
  std::vector<RuleIndex> all_of;  ///< including $ref
  std::vector<RuleIndex> any_of;
  std::vector<RuleIndex> one_of;
  RuleIndex negated = no_rule;
  RuleIndex condition = no_rule;
  RuleIndex consequence = no_rule;
  RuleIndex alternative = no_rule;

  /// The rule for the member with that name among `properties`.
  RuleIndex property(std::string_view name) const;
  /// Calls `each` with the rules that a member with this name has to pass.
  template <class Each>
  void for_member(std::string_view name, Each each) const;
};

struct Rules {
  rapidjson::Document text;
  std::deque<Rule> rules;
  RuleIndex root = no_rule;

  const Rule& operator[](RuleIndex index) const { return rules[index]; }
};

/// Throws Refusal with the JSON pointer of the first thing in `schema` that is invalid or not enforced.
std::unique_ptr<const Rules> compile_rules(const std::string& schema);

inline bool finds(const RE2& pattern, std::string_view text) {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

template <class Each>
void Rule::for_member(std::string_view name, Each each) const {
  const RuleIndex own = property(name);
  bool named = own != no_rule;
  if (named) each(own);
  for (const auto& [form, rule] : patterns) {
    if (!finds(*form, name)) continue;
    named = true;
    each(rule);
  }
  if (!named && additional != no_rule) each(additional);
}

/// A step from the root of a document to a value in it.
struct Place {
  const Place* parent = nullptr;
  const rapidjson::Value* name = nullptr;  ///< of a member; null: it is an element
  std::size_t index = 0;
};
std::string pointer_of(const Place* place);

/// How a problem is described.
struct Words {
  Quotes quotes = Quotes::all;
  const std::set<std::string>* absent = nullptr;  ///< JSON pointers of nulls that counted as absent
};
/// The first problem of `value` with the rules, as ` at JSON pointer "/to": expected …, found …`; nullopt if
/// it passes. Throws TooDeep.
std::optional<std::string> find_problem(const Rules& rules, const rapidjson::Value& value,
                                        const Words& words);
/// Throws TooDeep.
bool fits(const Rules& rules, RuleIndex rule, const rapidjson::Value& value);

}  // namespace sluice::host
