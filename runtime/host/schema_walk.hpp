// Two things that a schema tells of a payload besides whether it passes, found in one walk over it:
//
// - A member that is null is absent, where its absence is allowed and no rule for it takes null: it is
// dropped
//   from the values before they are checked. An element of an array is no member.
// - A member that nothing reads is ignored: the schema describes the object by "properties" and does not
//   mention the member, and doesn't say "additionalProperties".
//
// All rules that may come to bear on a value count together, those of oneOf, if and $ref too.
#pragma once

#include <rapidjson/document.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "host/schema_rules.hpp"

namespace sluice::host {

/// Remembers what it worked out about the schema. Not thread-safe.
class SchemaWalk {
 public:
  struct Found {
    std::set<std::string> ignored;  ///< names of members that nothing reads: "headers", "lines[].note"
    std::set<std::string> absent;   ///< JSON pointers of the nulls that were dropped
  };

  /// `rules` outlive it.
  explicit SchemaWalk(const Rules& rules) : rules_(&rules) {}

  /// Drops the nulls that are absence from `document`; there are none unless `has_null`. Throws TooDeep.
  Found walk(rapidjson::Value& document, bool has_null);

 private:
  using RuleSet = std::vector<RuleIndex>;  ///< sorted, each once

  struct Spot;
  struct Member {
    Spot* spot = nullptr;  ///< null: no rule says anything about it
    bool absent_when_null = false;
  };
  /// What is known of the values to which the same rules may apply.
  struct Spot {
    RuleSet rules;
    bool described = false;                              ///< by "properties", without a word about others
    bool plain = true;                                   ///< the rules say nothing of members or elements
    std::set<std::string, std::less<>> mentioned;        ///< by "required" and the like
    std::map<std::string, Member, std::less<>> members;  ///< of "properties"
    Spot* elements = nullptr;                            ///< where all elements are alike
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
