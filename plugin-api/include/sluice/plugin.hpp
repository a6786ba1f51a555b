// Writing a plugin in C++17 or later: include this, write handlers, and declare them once, at file scope
// of one source file.
//
//   sluice::Result greet(sluice::Job& job) {
//     job.log().info("hello", {{"name", job.payload().string("name")}});
//     return sluice::done();
//   }
//   SLUICE_PLUGIN("hello", "1.0.0", sluice::job_type<greet>("hello.greet").timeout(30s));
//
// A handler is one of:
//  - a function `Result f(Job&)`;
//  - a class with `Result operator()(Job&)` or `Result run(Job&)`, and a constructor that takes
//    `const Config&`, or nothing. Each job type has one object, made when the plugin starts and used by
//    all slots at the same time, so the call must be thread-safe. If a constructor throws, the plugin
//    refuses to start;
//  - a class like that with a nested type `Slot`, such as a connection or a buffer. Each slot has its own
//    Slot object, made in the slot's thread from the handler (`Slot(Handler&)`) or without arguments. The
//    call takes it as its second argument: `Result run(Job&, Slot&)`.
//
// Exceptions of a handler end at the plugin's boundary. PermanentError becomes a fail(), RetryLater a
// retry() with its delay, and any other exception a retry() whose error has the exception's type and
// message.
//
// To leave RapidJSON out, define SLUICE_WITHOUT_RAPIDJSON for all sources of the plugin. Payloads and
// configurations are then only text.
#pragma once

#include <sluice/plugin.h>
#include <sluice/config.hpp>
#include <sluice/detail/handlers.hpp>
#include <sluice/job.hpp>
#include <sluice/result.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sluice {

namespace detail {

constexpr bool consists_of(std::string_view name, std::string_view allowed, std::size_t longest) {
  return !name.empty() && name.size() <= longest && name.find_first_not_of(allowed) == std::string_view::npos;
}

constexpr bool is_type_name(std::string_view name) {
  return consists_of(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/", 128);
}
constexpr bool is_plugin_name(std::string_view name) {
  return consists_of(name, "abcdefghijklmnopqrstuvwxyz0123456789-_", 64);
}

}  // namespace detail

/// A job type and its defaults, each of which the operator can override. For everything not set here, the
/// runtime's configuration applies. All text must be literals, because it is viewed and never copied.
template <class Handler>
class JobType {
 public:
  constexpr explicit JobType(std::string_view name) { raw_.name = detail::str(name); }

  /// One line for people.
  constexpr JobType summary(std::string_view text) const { return with(&sluice_job_type::summary, text); }
  /// JSON Schema. A job whose payload violates it fails before the handler is called.
  constexpr JobType schema(std::string_view json) const {
    return with(&sluice_job_type::payload_schema, json);
  }
  /// A payload that passes the schema, for documentation and trials.
  constexpr JobType example(std::string_view json) const {
    return with(&sluice_job_type::payload_example, json);
  }
  /// How many times a job is tried in all.
  constexpr JobType max_attempts(std::uint32_t count) const {
    return with(&sluice_job_type::max_attempts, count);
  }
  /// How many run at once in one runtime.
  constexpr JobType concurrency(std::uint32_t count) const {
    return with(&sluice_job_type::concurrency, count);
  }
  /// How long one attempt may take before it is cancelled, then killed.
  constexpr JobType timeout(std::chrono::microseconds limit) const {
    return with(&sluice_job_type::timeout_us, limit.count());
  }
  /// The delay after the first failed attempt, which doubles with each further one, and the longest delay.
  constexpr JobType backoff(std::chrono::microseconds first, std::chrono::microseconds cap) const {
    return with(&sluice_job_type::backoff_first_us, first.count())
        .with(&sluice_job_type::backoff_cap_us, cap.count());
  }
  /// A crash, a time-out or a lost runtime ends the job instead of repeating it.
  constexpr JobType at_most_once() const {
    return with(&sluice_job_type::flags, raw_.flags | SLUICE_AT_MOST_ONCE);
  }
  /// Its jobs may run twice, because they start before their claim is on disk. Not together with
  /// at_most_once(). See SLUICE_BRIEF.
  constexpr JobType brief() const { return with(&sluice_job_type::flags, raw_.flags | SLUICE_BRIEF); }

  constexpr const sluice_job_type& raw() const { return raw_; }

 private:
  constexpr JobType with(sluice_str sluice_job_type::*member, std::string_view text) const {
    return with(member, detail::str(text));
  }
  template <class Member, class Value>
  constexpr JobType with(Member sluice_job_type::*member, Value value) const {
    JobType changed = *this;
    changed.raw_.*member = static_cast<Member>(value);
    return changed;
  }

  sluice_job_type raw_{sizeof(sluice_job_type), 0, {}, {}, {}, {}, 0, 0, 0, 0, 0, nullptr};
};

/// A job type that a function handles, or an object of a class.
template <Result (*function)(Job&)>
constexpr JobType<detail::Function<function>> job_type(std::string_view name) {
  return JobType<detail::Function<function>>(name);
}
template <class Handler>
constexpr JobType<detail::HandlerOrNone<Handler>> job_type(std::string_view name) {
  detail::check_handler<Handler>();
  return JobType<detail::HandlerOrNone<Handler>>(name);
}
/// For anything else, which does not compile.
template <auto other, std::enable_if_t<!detail::is_handler_function<decltype(other)>, int> = 0>
constexpr JobType<detail::NoHandler> job_type(std::string_view name) {
  static_assert(detail::is_handler_function<decltype(other)>,
                "the argument of job_type<...> is not a handler: a handler is a function "
                "`sluice::Result f(sluice::Job& job)`, or a class");
  return JobType<detail::NoHandler>(name);
}

/// What a plugin says about itself. All text must be literals.
class Plugin {
 public:
  constexpr Plugin(std::string_view name, std::string_view version) {
    raw_.name = detail::str(name);
    raw_.version = detail::str(version);
  }

  constexpr Plugin vendor(std::string_view text) const { return with(&sluice_plugin::vendor, text); }
  constexpr Plugin url(std::string_view text) const { return with(&sluice_plugin::url, text); }
  constexpr Plugin license(std::string_view text) const { return with(&sluice_plugin::license, text); }
  /// One line for people.
  constexpr Plugin summary(std::string_view text) const { return with(&sluice_plugin::summary, text); }
  /// JSON Schema of the plugin's configuration.
  constexpr Plugin config_schema(std::string_view json) const {
    return with(&sluice_plugin::config_schema, json);
  }
  /// What the plugin needs to do, a JSON object: {"read": ["/etc/app"], "connect": [443]}. The kernel keeps
  /// it from everything else. The operator's [plugin.NAME.sandbox] takes precedence.
  constexpr Plugin sandbox(std::string_view json) const { return with(&sluice_plugin::sandbox, json); }

  constexpr const sluice_plugin& raw() const { return raw_; }

 private:
  constexpr Plugin with(sluice_str sluice_plugin::*member, std::string_view text) const {
    Plugin changed = *this;
    changed.raw_.*member = detail::str(text);
    return changed;
  }

  sluice_plugin raw_{sizeof(sluice_plugin),
                     SLUICE_ABI_MAJOR,
                     SLUICE_ABI_MINOR,
                     {},
                     {},
                     {},
                     {},
                     {},
                     {},
                     {},
                     nullptr,
                     0,
                     nullptr,
                     nullptr,
                     nullptr,
                     nullptr,
                     nullptr,
                     {}};
};

constexpr Plugin plugin(std::string_view name, std::string_view version) {
  return {name, version};
}

namespace detail {

template <class... Handlers>
class Declaration {
 public:
  using Pointers = std::array<const sluice_job_type*, sizeof...(Handlers)>;

  constexpr Declaration(const Plugin& plugin, const JobType<Handlers>&... types)
      : Declaration(typename Entry<Handlers...>::Indices(), plugin, types...) {}

  constexpr Pointers pointers() const { return pointers(typename Entry<Handlers...>::Indices()); }

  // What SLUICE_PLUGIN asserts.
  constexpr bool plugin_name_is_valid() const { return is_plugin_name(view(plugin_.name)); }
  constexpr bool type_names_are_valid() const {
    for (const sluice_job_type& type : types_) {
      if (!is_type_name(view(type.name))) return false;
    }
    return true;
  }
  constexpr bool type_names_differ() const {
    for (std::size_t i = 0; i < types_.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (view(types_[i].name) == view(types_[j].name)) return false;
      }
    }
    return true;
  }
  constexpr bool flags_agree() const {
    constexpr std::uint32_t both = SLUICE_AT_MOST_ONCE | SLUICE_BRIEF;
    for (const sluice_job_type& type : types_) {
      if ((type.flags & both) == both) return false;
    }
    return true;
  }

  constexpr sluice_plugin descriptor(const Pointers& pointers) const {
    using Functions = Entry<Handlers...>;
    sluice_plugin whole = plugin_;
    whole.job_types = pointers.data();
    whole.job_type_count = pointers.size();
    if constexpr (Functions::has_state) {
      whole.init = Functions::init;
      whole.shutdown = Functions::shutdown;
    }
    if constexpr (Functions::has_slots) {
      whole.slot_open = Functions::slot_open;
      whole.slot_close = Functions::slot_close;
    }
    return whole;
  }

 private:
  template <std::size_t... indices>
  constexpr Declaration(std::index_sequence<indices...>, const Plugin& plugin,
                        const JobType<Handlers>&... types)
      : plugin_(plugin.raw()), types_{with_handle<indices>(types)...} {}

  template <std::size_t index, class Handler>
  static constexpr sluice_job_type with_handle(const JobType<Handler>& type) {
    sluice_job_type whole = type.raw();
    whole.handle = Entry<Handlers...>::template handle<index, Handler>;
    return whole;
  }

  template <std::size_t... indices>
  constexpr Pointers pointers(std::index_sequence<indices...>) const {
    return {{&types_[indices]...}};
  }

  sluice_plugin plugin_;
  std::array<sluice_job_type, sizeof...(Handlers)> types_;
};

template <class... Handlers>
constexpr Declaration<Handlers...> declare(const Plugin& plugin, const JobType<Handlers>&... types) {
  static_assert(sizeof...(Handlers) != 0, "a plugin declares at least one job type");
  return {plugin, types...};
}
template <class... Handlers>
constexpr Declaration<Handlers...> declare(std::string_view name, std::string_view version,
                                           const JobType<Handlers>&... types) {
  return declare(Plugin(name, version), types...);
}

}  // namespace detail

}  // namespace sluice

/// Declares the plugin: SLUICE_PLUGIN("hello", "1.0.0", job types...), or, to say more about the plugin,
/// SLUICE_PLUGIN(sluice::plugin("hello", "1.0.0").license("MIT"), job types...). Everything is constant, so
/// no code runs when the library is loaded.
#define SLUICE_PLUGIN(...)                                                                                  \
  namespace {                                                                                               \
  constexpr auto sluice_declaration = ::sluice::detail::declare(__VA_ARGS__);                               \
  static_assert(sluice_declaration.plugin_name_is_valid(),                                                  \
                "a plugin's name has 1 to 64 characters from a-z 0-9 - _");                                 \
  static_assert(sluice_declaration.type_names_are_valid(),                                                  \
                "a job type's name has 1 to 128 characters from a-z A-Z 0-9 . _ - : /");                    \
  static_assert(sluice_declaration.type_names_differ(), "two job types of this plugin have the same name"); \
  static_assert(                                                                                            \
      sluice_declaration.flags_agree(),                                                                     \
      "a job type is brief() or at_most_once(), not both, because jobs of a brief type may run twice");     \
  constexpr auto sluice_type_pointers = sluice_declaration.pointers();                                      \
  constexpr sluice_plugin sluice_descriptor = sluice_declaration.descriptor(sluice_type_pointers);          \
  }                                                                                                         \
  SLUICE_DECLARE_PLUGIN = sluice_descriptor
