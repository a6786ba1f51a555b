// What a plugin keeps: one object per handler class, and one Slot of each class that has them per slot.
// Everything about a handler is known at compile time; its place in the state is its index among the job
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
struct HasRunWith<std::void_t<RunResult<Handler, Arguments...>>, Handler, Arguments...> : std::true_type {};

/// handler(arguments...) or handler.run(arguments...), whichever the class has.
template <class Handler, class... Arguments>
Result call(Handler& handler, Arguments&... arguments) {
  constexpr bool has_run = HasRunWith<void, Handler, Arguments&...>::value;
  static_assert(
      has_run || std::is_invocable_r_v<Result, Handler&, Arguments&...>,
      "a handler class has `sluice::Result operator()(sluice::Job&)` or `run` of the same form; with a "
      "nested type Slot it takes a second argument, Slot&");
  if constexpr (has_run) {
    return handler.run(arguments...);
  } else {
    return handler(arguments...);
  }
}

template <std::size_t index, class Handler>
struct HandlerPlace {
  explicit HandlerPlace(const Config& config) : handler(make(config)) {}

  static Handler make(const Config& config) {
    constexpr bool takes_config = std::is_constructible_v<Handler, const Config&>;
    static_assert(takes_config || std::is_default_constructible_v<Handler>,
                  "a handler class has a constructor that takes `const sluice::Config&`, or nothing");
    if constexpr (takes_config) {
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
    constexpr bool takes_handler = std::is_constructible_v<Slot, Handler&>;
    static_assert(takes_handler || std::is_default_constructible_v<Slot>,
                  "a handler's Slot has a constructor that takes the handler (`Handler&`), or nothing");
    if constexpr (takes_handler) {
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
