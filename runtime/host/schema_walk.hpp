// Two things that a schema says about a payload besides whether it passes, both found in one walk over it:
//
// - A null member is absent if it may be absent and no rule for it accepts null. It is dropped from the
//   values before they are checked. This does not apply to the elements of an array.
// - A member is ignored if nothing reads it: the schema describes the object by "properties", does not
//   mention the member, and has no "additionalProperties".
//
// All rules that may apply to a value count together, including those of oneOf, if and $ref.
#pragma once

#include <rapidjson/document.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "host/schema_rules.hpp"

namespace sluice::host {

/// Remembers what it has derived from the schema. Not thread-safe.
class SchemaWalk {
 public:
  struct Found {
    std::set<std::string> ignored;  ///< names of members that nothing reads: "headers", "lines[].note"
    std::set<std::string> absent;   ///< JSON pointers of the nulls that were dropped
  };

  /// `rules` must outlive it.
  explicit SchemaWalk(const Rules& rules) : rules_(&rules) {}

  /// Drops the nulls that count as absent from `document`. There are none unless `has_null`. Throws TooDeep.
  Found walk(rapidjson::Value& document, bool has_null);

 private:
  using RuleSet = std::vector<RuleIndex>;  ///< sorted, each once

  struct Spot;
  struct Member {
    Spot* spot = nullptr;  ///< null: no rule mentions it
    bool absent_when_null = false;
  };
  /// What is known about the values to which the same rules may apply.
  struct Spot {
    RuleSet rules;
    bool described = false;                        ///< by "properties", and no rule covers other members
    bool plain = true;                             ///< the rules do not mention members or elements
    std::set<std::string, std::less<>> mentioned;  ///< by "required" and the like
    std::map<std::string, Member, std::less<>> members;  ///< of "properties"
    Spot* elements = nullptr;                            ///< if all elements have the same rules
  };

  Spot& spot(RuleSet rules);
  void look(Spot& spot) const;
  Member member_of(Spot& spot, std::string_view name);
  bool is_absent_when_null(const std::vector<RuleIndex>& rules) const;
  Spot* element_of(Spot& spot, std::size_t index);
  void add(RuleSet& rules, RuleIndex rule) const;

  void visit(rapidjson::Value& value, Spot& spot, const Place* place, int depth);
  void visit_members(rapidjson::Value& object, Spot& spot, const Place* place, int depth);
  void ignore(const Place& member);

  const Rules* rules_;
  std::map<RuleSet, Spot> spots_;
  Spot* root_ = nullptr;
  Found found_;
  bool has_null_ = false;
};

}  // namespace sluice::host
