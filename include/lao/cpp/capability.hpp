// A capability made from an ordinary member function: kinds come from its types.
#ifndef LAO_CPP_CAPABILITY_HPP
#define LAO_CPP_CAPABILITY_HPP

#include <functional>

#include "batch.hpp"
#include "call.hpp"
#include "stream.hpp"

namespace lao {
namespace detail {

// What one parameter of an author's function stands for.
template <class A> struct Argument {
    static constexpr bool is_input = true;
    static constexpr std::uint32_t kind = Reader<A>::kind, flags = 0;
    static A get(const Call &call) {
        if (call.request().input_count != 1) {
            throw InvalidInput("this capability takes one input");
        }
        return read_as<A>(*call.request().inputs[0]);
    }
};
template <> struct Argument<Call> {
    static constexpr bool is_input = false;
    static constexpr std::uint32_t kind = LAO_KIND_NONE, flags = 0;
    static const Call &get(const Call &call) { return call; }
};
template <class V> struct Argument<Receiver<V>> {
    static constexpr bool is_input = true;
    static constexpr std::uint32_t kind = Reader<V>::kind, flags = LAO_CAPABILITY_STREAMS_IN;
    static Receiver<V> get(const Call &call) { return Receiver<V>(call); }
};
template <class R> struct Argument<Sender<R>> {
    static constexpr bool is_input = false;
    static constexpr std::uint32_t kind = LAO_KIND_NONE, flags = LAO_CAPABILITY_STREAMS_OUT;
    static Sender<R> get(const Call &call) { return Sender<R>(call); }
};

template <class A> using ArgumentOf = Argument<std::remove_cv_t<std::remove_reference_t<A>>>;

template <class A> struct SentKind {
    static constexpr std::uint32_t value = LAO_KIND_NONE;
};
template <class R> struct SentKind<Sender<R>> {
    static constexpr std::uint32_t value = Writer<R>::kind;
};

template <class R, class... A> constexpr std::uint32_t output_kind() {
    if constexpr (std::is_void_v<R>) {
        constexpr std::uint32_t kind = (SentKind<std::decay_t<A>>::value | ... | 0u);
        static_assert(kind != LAO_KIND_NONE, "a capability returns a value, or takes a lao::Sender");
        return kind;
    } else {
        return Writer<R>::kind;
    }
}

} // namespace detail

// One capability of plugin class `P`; made by Plugin::capability.
template <class P> struct Capability {
    std::string name, description;
    std::vector<Param> params;
    std::uint32_t flags = 0, input_kind = LAO_KIND_NONE, output_kind = LAO_KIND_NONE, max_batch = 0;
    std::string input_schema, output_schema, params_schema;
    std::function<void(P &, const Call &, lao_response_t &)> run;      // one request ...
    std::function<void(P &, std::vector<detail::Slot> &)> run_batch; // ... or several

    template <class Method, class R, class... A> void bind(Method method) {
        static_assert((0 + ... + (detail::ArgumentOf<A>::is_input ? 1 : 0)) <= 1, "a capability takes one input");
        input_kind = (detail::ArgumentOf<A>::kind | ... | 0u);
        output_kind = detail::output_kind<R, A...>();
        flags |= (detail::ArgumentOf<A>::flags | ... | 0u);
        run = [method](P &plugin, const Call &call, lao_response_t &response) {
            if constexpr (std::is_void_v<R>) {
                std::invoke(method, plugin, detail::ArgumentOf<A>::get(call)...);
            } else {
                detail::Writer<R>::write(call.host(), std::invoke(method, plugin, detail::ArgumentOf<A>::get(call)...))
                    .give(*response.outputs[0]);
                response.output_count = 1;
            }
            (void)call;
            (void)response;
        };
    }

    template <class Method, class V, class R> void bind_batch(Method method) {
        input_kind = detail::Reader<V>::kind;
        output_kind = detail::Writer<R>::kind;
        run_batch = [method](P &plugin, std::vector<detail::Slot> &slots) {
            Batch<V, R> batch(slots);
            if (!batch.empty()) {
                std::invoke(method, plugin, batch);
            }
        };
    }
};

} // namespace lao

#endif // LAO_CPP_CAPABILITY_HPP
