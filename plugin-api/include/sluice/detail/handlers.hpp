// A plugin's state: one object per handler class, and per slot one Slot of each class that has them.
// Everything about a handler is known at compile time. Its place in the state is its index among the job
// types.
#pragma once

#include <sluice/config.hpp>
#include <sluice/detail/boundary.hpp>
#include <sluice/job.hpp>
#include <sluice/result.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace sluice::detail {

/// A plain function as a handler.
template <Result (*function)(Job&)>
struct Function {};

template <class Handler>
struct IsFunction : std::false_type {};
template <Result (*function)(Job&)>
struct IsFunction<Function<function>> : std::true_type {};

template <class Handler, class = void>
struct HasSlot : std::false_type {};
template <class Handler>
struct HasSlot<Handler, std::void_t<typename Handler::Slot>> : std::true_type {};

template <class Handler, class... Arguments>
using RunResult = decltype(std::declval<Handler&>().run(std::declval<Arguments>()...));
template <class Void, class Handler, class... Arguments>
struct HasRunWith : std::false_type {};
template <class Handler, class... Arguments>
struct HasRunWith<std::void_t<RunResult<Handler, Arguments...>>, Handler, Arguments...>
    : std::is_convertible<RunResult<Handler, Arguments...>, Result> {};

template <class Handler, class... Arguments>
constexpr bool can_be_called =
    HasRunWith<void, Handler, Arguments&...>::value || std::is_invocable_r_v<Result, Handler&, Arguments&...>;

/// handler(arguments...) or handler.run(arguments...), whichever the class has.
template <class Handler, class... Arguments>
Result call(Handler& handler, Arguments&... arguments) {
  if constexpr (HasRunWith<void, Handler, Arguments&...>::value) {
    return handler.run(arguments...);
  } else if constexpr (can_be_called<Handler, Arguments...>) {
    return handler(arguments...);
  } else {
    static_assert(can_be_called<Handler, Arguments...>,
                  "a handler takes `sluice::Job&`, and also `Slot&` if it has a nested type Slot, and "
                  "returns sluice::Result");
    return done();
  }
}

template <class Type>
constexpr bool is_handler_function = std::is_convertible_v<Type, Result (*)(Job&)>;

/// True for a class whose objects can be called with a job, and also with its Slot if it has one.
template <class Handler, class = void>
struct TakesJobs : std::integral_constant<bool, can_be_called<Handler, Job>> {};
template <class Handler>
struct TakesJobs<Handler, std::void_t<typename Handler::Slot>>
    : std::integral_constant<bool, can_be_called<Handler, Job, typename Handler::Slot>> {};

template <class Handler>
constexpr bool can_be_made =
    std::is_constructible_v<Handler, const Config&> || std::is_default_constructible_v<Handler>;

template <class Handler, class = void>
struct SlotCanBeMade : std::true_type {};
template <class Handler>
struct SlotCanBeMade<Handler, std::void_t<typename Handler::Slot>>
    : std::integral_constant<bool, std::is_constructible_v<typename Handler::Slot, Handler&> ||
                                       std::is_default_constructible_v<typename Handler::Slot>> {};

/// Says in one sentence what a handler class lacks.
template <class Handler>
constexpr void check_handler() {
  static_assert(TakesJobs<Handler>::value,
                "a handler class has a public `sluice::Result operator()(sluice::Job&)`, or `run` of the "
                "same form; if it has a nested type Slot, this takes a second argument, Slot&");
  static_assert(
      can_be_made<Handler>,
      "a handler class has a public constructor that takes `const sluice::Config&`, or no argument");
  static_assert(
      SlotCanBeMade<Handler>::value,
      "a handler's Slot has a public constructor that takes the handler (`Handler&`), or no argument");
}

/// Stands in for something that is not a handler, so that compilers report no further errors.
inline Result no_handler(Job&) {
  return done();
}
using NoHandler = Function<no_handler>;
template <class Handler>
using HandlerOrNone =
    std::conditional_t<TakesJobs<Handler>::value && can_be_made<Handler> && SlotCanBeMade<Handler>::value,
                       Handler, NoHandler>;

template <std::size_t index, class Handler>
struct HandlerPlace {
  explicit HandlerPlace(const Config& config) : handler(make(config)) {}

  static Handler make(const Config& config) {
    if constexpr (std::is_constructible_v<Handler, const Config&>) {
      return Handler(config);
    } else {
      return Handler();
    }
  }

  Handler handler;
};
template <std::size_t index, Result (*function)(Job&)>
struct HandlerPlace<index, Function<function>> {
  explicit HandlerPlace(const Config&) {}
};

template <std::size_t index, class Handler, class = void>
struct SlotPlace {
  template <class State>
  explicit SlotPlace(State&) {}
};
template <std::size_t index, class Handler>
struct SlotPlace<index, Handler, std::void_t<typename Handler::Slot>> {
  using Slot = typename Handler::Slot;

  template <class State>
  explicit SlotPlace(State& state) : slot(make(static_cast<HandlerPlace<index, Handler>&>(state).handler)) {}

  static Slot make(Handler& handler) {
    if constexpr (std::is_constructible_v<Slot, Handler&>) {
      return Slot(handler);
    } else {
      return Slot();
    }
  }

  Slot slot;
};

template <class Indices, class... Handlers>
struct HandlerState;
template <std::size_t... indices, class... Handlers>
struct HandlerState<std::index_sequence<indices...>, Handlers...> : HandlerPlace<indices, Handlers>... {
  explicit HandlerState(const Config& config) : HandlerPlace<indices, Handlers>(config)... {}
};

template <class Indices, class... Handlers>
struct SlotState;
template <std::size_t... indices, class... Handlers>
struct SlotState<std::index_sequence<indices...>, Handlers...> : SlotPlace<indices, Handlers>... {
  template <class State>
  explicit SlotState(State& state) : SlotPlace<indices, Handlers>(state)... {}
};

/// The C functions of a plugin with these handlers.
template <class... Handlers>
struct Entry {
  using Indices = std::index_sequence_for<Handlers...>;
  using State = HandlerState<Indices, Handlers...>;
  using Slots = SlotState<Indices, Handlers...>;

  static constexpr bool has_state = !(IsFunction<Handlers>::value && ...);
  static constexpr bool has_slots = (HasSlot<Handlers>::value || ...);

  template <std::size_t index, class Handler>
  static std::int32_t handle(void* self, void* slots, const sluice_job* job) noexcept {
    return run_guarded(*job, [&](Job& attempt) { return run<index>(Tag<Handler>(), self, slots, attempt); });
  }

  static std::int32_t init(const sluice_host* host, sluice_str config, void** self) noexcept {
    return make_guarded(*host, [&] { *self = new State(Config(*host, view(config))); });
  }
  static void shutdown(void* self) noexcept { delete static_cast<State*>(self); }
  static std::int32_t slot_open(void* self, const sluice_host* host, std::uint32_t, void** slot) noexcept {
    return make_guarded(*host, [&] { *slot = new Slots(*static_cast<State*>(self)); });
  }
  static void slot_close(void*, void* slot) noexcept { delete static_cast<Slots*>(slot); }

 private:
  template <class Handler>
  struct Tag {};

  template <std::size_t index, Result (*function)(Job&)>
  static Result run(Tag<Function<function>>, void*, void*, Job& job) {
    return function(job);
  }
  template <std::size_t index, class Handler>
  static Result run(Tag<Handler>, void* self, void* slots, Job& job) {
    Handler& handler = static_cast<HandlerPlace<index, Handler>&>(*static_cast<State*>(self)).handler;
    if constexpr (HasSlot<Handler>::value) {
      return call(handler, job, static_cast<SlotPlace<index, Handler>&>(*static_cast<Slots*>(slots)).slot);
    } else {
      return call(handler, job);
    }
  }
};

}  // namespace sluice::detail
