//! What every trouble of a service call says, and what to do about it.

use super::{Both, Lang};
use crate::domain::service::Trouble;

/// Title and remedy.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub title: &'static str,
    pub fix: &'static str,
}

macro_rules! told {
    ($($name:ident $vi:literal $vi_fix:literal $en:literal $en_fix:literal;)*) => {
        /// A new trouble does not compile before it has its sentences.
        const fn both(trouble: Trouble) -> Both<Told> {
            match trouble {
                $(Trouble::$name => Both {
                    vi: Told { title: $vi, fix: $vi_fix },
                    en: Told { title: $en, fix: $en_fix },
                },)*
            }
        }
    };
}

told! {
    CallerUnknown
        "Không biết hệ thống nào đang gọi." "Dùng chứng thư của thành viên, hoặc khai báo thành viên trong tô-pô tại đúng máy chủ bảo mật."
        "It is not known which system calls." "Use the member's certificate, or declare the member in the topology at that security server.";
    CallerForeign
        "Yêu cầu nêu tên một thành viên khác với thành viên đã kết nối." "Ghi đúng mã của mình trong X-Road-Client."
        "The request names another member than the one that connected." "Name yourself in X-Road-Client.";
    CallerInsecure
        "Thành viên này phải kết nối bằng TLS, với chứng thư của mình nếu được yêu cầu." "Gọi cổng TLS với chứng thư thành viên; tại máy chủ bảo mật của mình, xem connection của thành viên trong tô-pô."
        "This member must connect by TLS, with its certificate where that is asked for." "Call the TLS port with the member's certificate; at its own security server see the member's connection in the topology.";
    CallerMissing
        "Yêu cầu không cho biết ai gọi." "Thêm phần đầu X-Road-Client."
        "The request does not say who calls." "Add the header X-Road-Client.";
    RequestMalformed
        "Không đọc được yêu cầu." "Sửa phần được nêu trong chi tiết."
        "The request cannot be read." "Correct what the detail names.";
    PathRefused
        "Đường dẫn có thể bị hiểu theo hai cách nên bị từ chối." "Bỏ các đoạn . và .., dấu gạch chéo ngược và ký tự mã hóa nhiều lần."
        "The path could be read in two ways and is refused." "Leave out dot segments, backslashes and repeated escapes.";
    RequestTooLarge
        "Nội dung yêu cầu lớn hơn mức dịch vụ nhận." "Gửi ít hơn, hoặc nâng body_bytes_max của dịch vụ hay call_body_bytes_max."
        "The request is larger than the service takes." "Send less, or raise body_bytes_max of the service or call_body_bytes_max.";
    RequestCut
        "Bên gọi ngắt trước khi xong." "Kiểm tra kết nối và thời gian chờ của bên gọi."
        "The caller broke off before the end." "Check the caller's connection and time-outs.";
    Throttled
        "Nền tảng nhận quá số lời gọi mỗi giây của thiết kế." "Gọi chậm lại, hoặc nâng calls_per_s của nền tảng."
        "The platform gets more calls per second than its design takes." "Slow down, or raise calls_per_s of the platform.";
    Busy
        "Nền tảng đang phục vụ số lời gọi tối đa." "Gọi lại sau thời gian được nêu, hoặc nâng calls_max."
        "As many calls as the platform takes are under way." "Call again after the time given, or raise calls_max.";
    ProviderUnknown
        "Không có thành viên nào cung cấp dịch vụ này." "Xem mã đúng bằng lệnh lienthong services."
        "No member offers this service." "Look the id up with lienthong services.";
    NoRoute
        "Không có đường tới nền tảng của bên cung cấp." "Tô-pô cần một NDXP hoạt động (active = true), hoặc dịch vụ phân tán."
        "No way leads to the provider's platform." "The topology needs an NDXP that runs (active = true), or a distributed service.";
    LinkDown
        "Không kết nối được nền tảng kế tiếp." "Kiểm tra nền tảng và liên kết được nêu; lienthong status."
        "The next platform cannot be reached." "Check the platform and link that are named; lienthong status.";
    LinkRefused
        "Chứng thư giữa hai nền tảng không còn giá trị." "Xem lienthong pki list; cấp lại chứng thư hết hạn hoặc bị thu hồi."
        "The certificates between two platforms do not hold." "See lienthong pki list; renew what is expired or revoked.";
    LinkTimeout
        "Nền tảng kế tiếp không trả lời kịp." "Xem thời gian từng chặng bằng lienthong calls; nâng call_timeout_ms nếu cần."
        "The next platform did not answer in time." "See the time of each hop with lienthong calls; raise call_timeout_ms if need be.";
    HopsExhausted
        "Lời gọi đi qua quá nhiều nền tảng." "Kiểm tra tô-pô có vòng lặp; nâng hops_max."
        "The call passed too many platforms." "Check the topology for a loop; raise hops_max.";
    LinkGarbage
        "Không đọc được câu trả lời của nền tảng kế tiếp." "Hai bên cần cùng phiên bản lienthong."
        "The next platform's answer cannot be read." "Both ends need the same release of lienthong.";
    LinkCut
        "Câu trả lời của nền tảng kế tiếp bị ngắt giữa chừng." "Kiểm tra nền tảng và liên kết được nêu; lienthong status."
        "The next platform's answer broke off before its end." "Check the platform and link that are named; lienthong status.";
    LinkUnsigned
        "Câu trả lời của nền tảng kế tiếp không kèm bằng chứng." "Hai bên cần cùng phiên bản lienthong và cùng ghi bằng chứng."
        "The next platform's answer comes without its evidence." "Both ends need the same release of lienthong, and must keep evidence.";
    ServiceUnknown
        "Bên cung cấp không có dịch vụ này." "Xem mã đúng bằng lệnh lienthong services."
        "The provider has no such service." "Look the id up with lienthong services.";
    WrongKind
        "Dịch vụ SOAP bị gọi bằng REST, hoặc ngược lại." "Xem loại dịch vụ bằng lệnh lienthong services."
        "A SOAP service was called by REST, or the reverse." "See the service's kind with lienthong services.";
    AccessDenied
        "Chưa có quyền gọi dịch vụ, phương thức hay đường dẫn này." "Đề nghị bên cung cấp cấp quyền: lienthong grant DỊCH_VỤ --to MÃ."
        "There is no right to this service, method or path." "Ask the provider for it: lienthong grant SERVICE --to CODE.";
    ServiceDisabled
        "Dịch vụ đang bị tắt." "Bên cung cấp bật lại: lienthong service set DỊCH_VỤ --state published."
        "The service is disabled." "Its provider enables it: lienthong service set SERVICE --state published.";
    ProviderBusy
        "Dịch vụ đang phục vụ số lời gọi tối đa." "Gọi lại sau thời gian được nêu, hoặc nâng calls_max của dịch vụ."
        "As many calls as the service takes are under way." "Call again after the time given, or raise calls_max of the service.";
    CircuitOpen
        "Hệ thống phía sau lỗi liên tục nên tạm thời không được gọi." "Sửa hệ thống phía sau; sẽ được gọi lại sau breaker_pause_ms."
        "The system behind failed too often and is left alone for a while." "Mend that system; it is called again after breaker_pause_ms.";
    EvidenceFailed
        "Không ghi được bằng chứng của lời gọi." "Kiểm tra ổ đĩa và thư mục evidence; khởi động lại tiến trình."
        "The evidence of the call cannot be kept." "Check the disk and the evidence folder; restart the process.";
    Internal
        "Nền tảng gặp lỗi của chính nó." "Xem nhật ký theo mã liên kết."
        "The platform failed by itself." "See the log under the correlation id.";
    ShuttingDown
        "Nền tảng đang dừng." "Gọi lại khi nền tảng đã chạy."
        "The platform is shutting down." "Call again when it runs.";
    PlatformMaintenance
        "Nền tảng của bên cung cấp đang bảo trì." "Gọi lại sau; người vận hành mở lại bằng lienthong platform set."
        "The provider's platform is in maintenance mode." "Call again later; its operator ends it with lienthong platform set.";
    SystemUnreachable
        "Không kết nối được hệ thống của bên cung cấp." "Kiểm tra địa chỉ của dịch vụ: lienthong provider."
        "The provider's system cannot be reached." "Check the service's address: lienthong provider.";
    SystemHostUnknown
        "Không biết máy của hệ thống phía sau." "Sửa địa chỉ của dịch vụ: lienthong provider set."
        "The host of the system behind is not known." "Correct the service's address: lienthong provider set.";
    SystemUntrusted
        "Chứng thư của hệ thống phía sau không được tin cậy." "Cấp cho hệ thống đó một chứng thư của CA trong pki/."
        "The certificate of the system behind is not trusted." "Give that system a certificate of the CA in pki/.";
    SystemTimeout
        "Hệ thống của bên cung cấp không trả lời kịp." "Xem vì sao hệ thống chậm, hoặc nâng timeout_ms của dịch vụ."
        "The provider's system did not answer in time." "See why it is slow, or raise timeout_ms of the service.";
    SystemCut
        "Hệ thống của bên cung cấp ngắt giữa chừng." "Xem nhật ký của hệ thống đó."
        "The provider's system broke off." "See that system's log.";
    SystemGarbage
        "Câu trả lời của hệ thống phía sau không phải HTTP hợp lệ." "Xem nhật ký của hệ thống đó."
        "The answer of the system behind is no valid HTTP." "See that system's log.";
    AnswerTooLarge
        "Câu trả lời lớn hơn mức cho phép." "Yêu cầu ít dữ liệu hơn, hoặc nâng call_body_bytes_max."
        "The answer is larger than it may be." "Ask for less, or raise call_body_bytes_max.";
    SystemMaintenance
        "Hệ thống của bên cung cấp đang bảo trì." "Gọi lại sau giờ bảo trì."
        "The provider's system is in maintenance." "Call again after its maintenance window.";
    SystemMissing
        "Không có hệ thống mô phỏng nào mang tên đó." "Sửa provider của dịch vụ trong tô-pô."
        "No simulated system has that name." "Correct the service's provider in the topology.";
    RuleMissing
        "Không quy tắc trả lời nào của hệ thống mô phỏng khớp với lời gọi này." "So lời gọi với các quy tắc gần nhất được nêu; xem lienthong provider misses và provider rules."
        "No response rule of the simulated system fits this call." "Compare the call with the nearest rules that are named; see lienthong provider misses and provider rules.";
    RuleFailed
        "Mẫu của một quy tắc trả lời bị lỗi khi chạy." "Sửa mẫu ở dòng được nêu: giá trị không có thì dùng default, vòng lặp thì ngắn lại."
        "The template of a response rule failed as it ran." "Correct it at the line named: give absent values a default, and make loops shorter.";
}

/// The sentences of a trouble.
pub const fn call(trouble: Trouble, lang: Lang) -> Told {
    let both = both(trouble);
    match lang {
        Lang::Vi => both.vi,
        Lang::En => both.en,
    }
}

/// One sentence about a trouble.
pub const fn call_title(trouble: Trouble, lang: Lang) -> &'static str {
    call(trouble, lang).title
}
